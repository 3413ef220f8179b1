#!/usr/bin/python3
"""alter.py copies|dirt N SEED [QUALITY] < IN.tar > OUT.tar: a stream of pictures, and altered pictures behind it. Needs python3-pil and
python3-numpy.

copies  N copies of each kind of pictures of the stream, under copies/KIND/KEY: the same bytes; again (JPEG, quality 60); smaller (three
        quarters of the size); lighter; shifted (by one pixel); cropped (one pixel at each side).
dirt    the last N pictures of the stream for each kind are taken out and damaged, under dirt/KIND/KEY, with KEY.cls 1, 2, ...; the
        others get KEY.cls 0: cut (gray from a random row on), inverted, bars (at top and bottom), text, noise, exchanged (red and blue).
        All pictures are written anew, as PNG, or with QUALITY as JPEG.
"""
import io
import sys
import tarfile

import numpy as np
from PIL import Image, ImageDraw

what, number, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
quality = int(sys.argv[4]) if len(sys.argv) > 4 else 0
rng = np.random.default_rng(seed)


def png(a):
    out = io.BytesIO()
    Image.fromarray(a).save(out, "PNG")
    return "png", out.getvalue()


def again(a, q=60):
    out = io.BytesIO()
    Image.fromarray(a).save(out, "JPEG", quality=q)
    return "jpg", out.getvalue()


def smaller(a):
    image = Image.fromarray(a)
    return png(np.asarray(image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.BICUBIC)))


def clip(a):
    return np.clip(a, 0, 255).astype(np.uint8)


def cut(a):
    a = a.copy()
    a[int(len(a) * rng.uniform(0.25, 0.75)):] = 128
    return a


def bars(a):
    a = a.copy()
    n = int(len(a) * rng.uniform(0.12, 0.2))
    a[:n] = a[-n:] = 0
    return a


def text(a):
    image = Image.new("RGB", (a.shape[1], a.shape[0]), "white")
    draw = ImageDraw.Draw(image)
    for y in range(1, a.shape[0], 8):
        draw.text((1, y - 2), "".join(chr(c) for c in rng.integers(97, 123, 12)), fill="black")
    return np.asarray(image.convert("L") if a.ndim == 2 else image)


COPIES = {"bytes": None, "again": again, "smaller": smaller, "lighter": lambda a: png(clip(a * 1.1 + 5)),
          "shifted": lambda a: png(np.roll(a, 1, 1)), "cropped": lambda a: png(a[1:-1, 1:-1])}
DIRT = {"cut": cut, "inverted": lambda a: 255 - a, "bars": bars, "text": text, "noise": lambda a: clip(a + rng.normal(0, 25, a.shape)),
        "exchanged": lambda a: a[..., ::-1] if a.ndim == 3 else None}

records = []  # key, extension, bytes
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
    for member in tar:
        key, _, extension = member.name.rpartition(".")
        if member.isfile() and extension not in ("cls", "json"):
            records.append((key, extension, tar.extractfile(member).read()))


def pixels(data):
    image = Image.open(io.BytesIO(data))
    return np.asarray(image if image.mode == "L" else image.convert("RGB"))


with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
    def add(name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))

    if what == "copies":
        for key, extension, data in records:
            add(f"{key}.{extension}", data)
        for kind, function in COPIES.items():
            for i in rng.choice(len(records), number, replace=False):
                key, extension, data = records[i]
                extension, data = function(pixels(data)) if function else (extension, data)
                add(f"copies/{kind}/{key}.{extension}", data)
    else:
        colour = pixels(records[0][2]).ndim == 3
        kinds = [kind for kind in DIRT if colour or kind != "exchanged"]
        clean = len(records) - number * len(kinds)
        for i, (key, _, data) in enumerate(records):
            kind = (i - clean) // number + 1 if i >= clean else 0
            a = pixels(data)
            key = f"dirt/{kinds[kind - 1]}/{key}" if kind else key
            a = np.ascontiguousarray(DIRT[kinds[kind - 1]](a) if kind else a)
            extension, data = again(a, quality) if quality else png(a)
            add(f"{key}.{extension}", data)
            add(key + ".cls", str(kind).encode())
