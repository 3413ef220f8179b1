#!/usr/bin/python3
"""Made the vectors beside it: records, and the statistics of vae-stat(1) by numpy, scipy and Pillow, from the definitions in the manual.
Needs python3-numpy, python3-scipy and python3-pil; run it in this directory to make them again.

  records.tar     pictures in several formats, and .npy of numbers
  expected.json   key -> field -> value
"""
import io
import json
import tarfile

import numpy as np
from PIL import Image
from scipy import ndimage, signal

rng = np.random.default_rng(7)


def luma(a):
    if a.ndim == 2:
        return a.astype(int)
    a = a.astype(int)
    return (19595 * a[..., 0] + 38470 * a[..., 1] + 7471 * a[..., 2] + 32768) >> 16


def equal(a, b):
    return np.abs(a - b).mean() <= 2


def longest(y):
    best, first = 1, 0
    for i in range(1, len(y)):
        if not equal(y[first], y[i]):
            first = i
        best = max(best, i - first + 1)
    return best / len(y) if best > 1 else 0


def border(y):
    run = 1
    while run < len(y) and equal(y[0], y[run]):
        run += 1
    return run / len(y) if run > 1 else 0


def picture(a, size):
    y = luma(a)
    rgb = (np.repeat(a[..., None], 3, 2) if a.ndim == 2 else a).astype(float)
    h, w = y.shape
    chroma = rgb.max(2) - rgb.min(2)
    lap = ndimage.convolve(y / 255, [[0, 1, 0], [1, -4, 1], [0, 1, 0]])[1:-1, 1:-1]
    noise = signal.convolve2d(y / 255, [[1, -2, 1], [-2, 4, -2], [1, -2, 1]], mode="valid")
    share = np.unique(y, return_counts=True)[1] / (w * h)
    colours = np.unique(np.floor((rgb + 8) / 16).reshape(-1, 3), axis=0, return_counts=True)[1]
    return {
        "stat_width": w, "stat_height": h, "stat_channels": 1 if a.ndim == 2 else 3, "stat_bytes_per_pixel": size / (w * h),
        "stat_brightness": (y / 255).mean(), "stat_contrast": (y / 255).std(), "stat_saturation": chroma.mean() / 255,
        "stat_warmth": (rgb[..., 0] - rgb[..., 2]).mean() / 255, "stat_tint": (rgb[..., 1] - (rgb[..., 0] + rgb[..., 2]) / 2).mean() / 255,
        "stat_sharpness": lap.var(), "stat_noise": np.sqrt(np.pi / 2) / 6 * np.abs(noise).mean(),
        "stat_entropy": -(share * np.log2(share)).sum(), "stat_common": colours.max() / (w * h),
        "stat_equal_rows": longest(y), "stat_equal_columns": longest(y.T),
        "stat_top": border(y), "stat_bottom": border(y[::-1]), "stat_left": border(y.T), "stat_right": border(y.T[::-1]),
        "stat_gray": int((chroma > 8).sum() <= max(1, w * h / 1000)),
    }


def vector(v):
    v = np.asarray(v, dtype=float).ravel()
    x = v[np.isfinite(v)]
    z = np.abs(x - x.mean()) / x.std()
    return {"stat_values": v.size, "stat_missing": 1 - x.size / v.size, "stat_zeros": (x == 0).sum() / v.size, "stat_norm": np.sqrt((x * x).sum()),
            "stat_mean": x.mean(), "stat_deviation": x.std(), "stat_largest": np.abs(x).max(), "stat_largest_z": z.max()}


def encode(a, kind, **options):
    out = io.BytesIO()
    Image.fromarray(a).save(out, kind, **options)
    return out.getvalue()


def npy(a):
    out = io.BytesIO()
    np.save(out, a)
    return out.getvalue()


def ground(h, w):
    y, x = np.mgrid[:h, :w]
    a = np.stack([120 + 60 * np.sin(x / 7 + y / 5), 100 + 50 * np.cos(x / 9), 90 + 40 * np.sin(y / 6)], 2)
    return np.clip(a + rng.normal(0, 8, a.shape), 0, 255).astype(np.uint8)


members, expected = [], {}
colour = ground(37, 53)
cut = ground(40, 40)
cut[28:] = 128
bars = ground(48, 32)
bars[:, :4] = bars[:, 27:] = 0
for key, a, kind, options in (("colour", colour, "PNG", {}), ("gray", colour[..., 1].copy(), "PNG", {}), ("jpeg", ground(64, 48), "JPEG", {"quality": 90}),
                              ("cut", cut, "JPEG", {"quality": 95}), ("bars", bars, "WEBP", {"lossless": True}), ("ppm", ground(9, 11), "PPM", {})):
    data = encode(a, kind, **options)
    members.append((key + "." + {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "PPM": "ppm"}[kind], data))
    image = Image.open(io.BytesIO(data))
    expected[key] = picture(np.asarray(image if image.mode == "L" else image.convert("RGB")), len(data))
planar = npy(np.ascontiguousarray(colour.transpose(2, 0, 1)))
members.append(("planar.npy", planar))
expected["planar"] = picture(colour, len(planar))
for key, v in (("f8", rng.normal(5, 2, 300)), ("f4", np.array([[0, 1, 0.5], [np.nan, -9, np.inf]], "f4")), ("i2", np.array([0, 0, 3, -300, 7], ">i2"))):
    members.append((key + ".npy", npy(v)))
    expected[key] = vector(v)
with tarfile.open("records.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
    for name, data in members:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
with open("expected.json", "w") as f:
    json.dump(expected, f, indent=1, default=float)
    f.write("\n")
