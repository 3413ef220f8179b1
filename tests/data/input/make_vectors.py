#!/usr/bin/env python3
"""Makes the vectors beside it, and cases.txt: what test_input wants of each. Run it in its directory (Pillow 9.4; avifenc and
avifdec of Debian's libavif-bin).

Every picture is made by formula. Wanted pixels are given as their CRC-32:
  decode FILE WIDTH HEIGHT CHANNELS CRC         interleaved, as the decoder hands them out
  resize FILE WIDTH HEIGHT CRC                  interleaved, Pillow's resize(BILINEAR)
  tensor FILE CHANNELS HEIGHT WIDTH CRC         planar, as input_decode() hands them out
  reduced FILE CHANNELS HEIGHT WIDTH CRC        the same after draft(None, (2 WIDTH, 2 HEIGHT))
  refuse FILE WORD                              an error that has this word in it
  npy FILE TYPE CRC DIM...                      TYPE as in enum npy_type, CRC of the values
"""
import gzip, io, os, struct, subprocess, sys, zlib
import numpy as np
from PIL import Image

cases = []


def crc(a):
    return "%08x" % zlib.crc32(np.ascontiguousarray(a).tobytes())


def formula(w, h, c, bits=8):
    y, x, k = np.mgrid[0:h, 0:w, 0:c].astype(np.int64)
    v = (x * 2659 + y * 4973 + k * 17011 + x * y * 331 + (x ^ y) * 1201) % 65536
    return v >> (16 - bits)


def want(name, a):
    """a: height x width x channels, 8 bits."""
    a = a.astype(np.uint8)
    cases.append("decode %s %d %d %d %s" % (name, a.shape[1], a.shape[0], a.shape[2], crc(a)))
    return a


def put(name, data):
    with open(name, "wb") as f:
        f.write(data)


# PNG: every colour type and depth, straight and Adam7 (Pillow writes only some of them).

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(a, depth):
    out = b""
    for row in a:
        out += b"\0"
        if depth == 16:
            out += row.astype(">u2").tobytes()
        elif depth == 8:
            out += row.astype(np.uint8).tobytes()
        else:
            bits = ((row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            out += np.packbits(bits.reshape(-1)).tobytes()
    return out


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(a, colour, depth, adam7=0, extra=b""):
    h, w = a.shape[:2]
    raw = pack_rows(a, depth)
    if adam7:
        parts = [a[y0::dy, x0::dx] for x0, y0, dx, dy in ADAM7]
        raw = b"".join(pack_rows(p, depth) for p in parts if p.size)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, adam7)) +
            extra + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


GAMMA = chunk(b"gAMA", struct.pack(">I", 100000))
TEXT = chunk(b"zTXt", b"comment\0\0" + zlib.compress(b"a" * 100000))
W, H = 13, 11
for adam7 in 0, 1:
    tail = "-adam7.png" if adam7 else ".png"
    for depth in 1, 2, 4, 8, 16:
        top = (1 << depth) - 1
        gray = formula(W, H, 1, depth)
        eight = gray >> 8 if depth == 16 else gray * 255 // top
        name = "gray%d%s" % (depth, tail)
        put(name, png(gray, 0, depth, adam7, GAMMA + TEXT))
        want(name, eight)
        if depth < 8:
            assert (np.asarray(Image.open(name).convert("L")) == eight[:, :, 0]).all(), name
        if depth <= 8:
            n = 1 << depth
            palette = np.stack([(np.arange(n) * m + 9) % 256 for m in (37, 91, 151)], 1)
            name = "palette%d%s" % (depth, tail)
            trns = chunk(b"tRNS", bytes([0, 128][:n])) if depth > 1 else b""
            put(name, png(gray, 3, depth, adam7, chunk(b"PLTE", palette.astype(np.uint8).tobytes()) + trns))
            want(name, palette[gray[:, :, 0]])
        if depth >= 8:
            for colour, c, kind in (2, 3, "rgb"), (4, 2, "graya"), (6, 4, "rgba"):
                a = formula(W, H, c, depth)
                name = "%s%d%s" % (kind, depth, tail)
                put(name, png(a, colour, depth, adam7, GAMMA))
                want(name, (a >> (depth - 8))[:, :, :1 if c == 2 else 3])
gray = formula(W, H, 1, 4)
put("gray4-trns.png", png(gray, 0, 4, 0, chunk(b"tRNS", b"\0\3")))
want("gray4-trns.png", gray * 17)
rgb = formula(W, H, 3)
put("rgb8-trns.png", png(rgb, 2, 8, 0, chunk(b"tRNS", b"\0\3\0\4\0\5")))
want("rgb8-trns.png", rgb)
bad = bytearray(png(rgb, 2, 8, 0, GAMMA))
bad[bad.index(b"gAMA") + 4] ^= 1
put("bad-crc.png", bytes(bad))
cases.append("refuse bad-crc.png CRC")
put("bad-size.png", png(rgb, 2, 8).replace(struct.pack(">II", W, H), struct.pack(">II", W, H + 1)))
cases.append("refuse bad-size.png CRC")

# Samples of 12 bits in 16: the high byte is taken as ever, with a note.
for name, colour, c, adam7 in ("low16.png", 0, 1, 0), ("low16-rgba.png", 6, 4, 1):
    a = formula(W, H, c, 12)
    a[:, :, 3:] = 65535  # alpha does not count
    put(name, png(a, colour, 16, adam7))
    want(name, (a >> 8)[:, :, :3])

# JPEG: what Pillow decodes is what is wanted.

def jpeg(name, a, **how):
    mode = {1: "L", 3: "RGB"}[a.shape[2]]
    Image.fromarray(a.astype(np.uint8).squeeze(), mode).save(name, "JPEG", **how)
    want(name, np.asarray(Image.open(name)).reshape(a.shape))


wave = (128 + 100 * np.sin(np.mgrid[0:37, 0:45, 0:3].transpose(1, 2, 3, 0) @ [0.31, 0.17, 1.9])).astype(np.uint8)
for progressive in 0, 1:
    tail = "-progressive.jpg" if progressive else ".jpg"
    jpeg("gray" + tail, wave[:, :, :1], quality=80, progressive=progressive)
    for sub in 0, 1, 2:
        jpeg("rgb%s%s" % (("444", "422", "420")[sub], tail), wave, quality=80, subsampling=sub, progressive=progressive)
jpeg("noise.jpg", formula(W, H, 3), quality=95, optimize=True)
jpeg("small-gray.jpg", formula(W, H, 1), quality=50)
# CMYK: with Adobe's marker, with its transform 2 (YCCK), and without the marker.

def as_pillow(name, data):
    put(name, data)
    want(name, np.asarray(Image.open(name).convert("RGB")))


b = io.BytesIO()
inks = formula(45, 37, 4).astype(np.uint8)
inks[:, :, :3] = wave
Image.fromarray(inks, "CMYK").save(b, "JPEG", quality=90)
b = b.getvalue()
at = b.index(b"\xff\xeeADOBE".replace(b"ADOBE", b"\0\x0eAdobe"))
as_pillow("cmyk.jpg", b)
as_pillow("ycck.jpg", b[:at + 15] + b"\2" + b[at + 16:])
as_pillow("cmyk-plain.jpg", b[:at] + b[at + 16:])
# Flaws that leave all pixels whole: extraneous bytes before the end, a scan with odd parameters, an unknown Adobe transform.
b = open("rgb444.jpg", "rb").read()
as_pillow("extraneous.jpg", b[:-2] + b"\0\1\2" * 9 + b[-2:])
sos = b.index(b"\xff\xda")
as_pillow("odd-scan.jpg", b[:sos + 11] + b"\0\0\0" + b[sos + 14:])
as_pillow("odd-adobe.jpg", b[:2] + b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\7" + b[2:])
# Pixels that are missing: no end (Pillow refuses it too), and a scan that ends early.
put("no-end.jpg", b[:-2])
cases.append("refuse no-end.jpg Premature")
put("early-end.jpg", b[:-300] + b[-2:])
cases.append("refuse early-end.jpg premature")
# One scan that may be said again and again: the first (DC) one of a progressive file, made exact (Al = 0).
b = io.BytesIO()
Image.fromarray(wave[:8, :8, 0]).save(b, "JPEG", progressive=True)
b = b.getvalue()
sos = b.index(b"\xff\xda")
end = b.index(b"\xff", sos + 2)
put("scan.jpg", b[:sos + 9] + b"\0" + b[sos + 10:end] + b"\xff\xd9")

# WebP: what Pillow decodes, alpha dropped.

def webp(name, a, **how):
    """a: one picture, or the frames of an animation."""
    frames = a if isinstance(a, list) else [a]
    images = [Image.fromarray(i.astype(np.uint8), {3: "RGB", 4: "RGBA"}[i.shape[2]]) for i in frames]
    images[0].save(name, "WEBP", save_all=len(images) > 1, append_images=images[1:], **how)
    want(name, np.asarray(Image.open(name))[:, :, :3])


webp("lossy.webp", wave, quality=70)
webp("lossless.webp", formula(W, H, 3), lossless=True)
webp("alpha.webp", formula(W, H, 4), lossless=True, exact=True)
webp("lossy-alpha.webp", np.concatenate([wave, 255 - wave[:, :, :1]], 2), quality=60)
webp("frames.webp", [wave, 255 - wave], quality=50)
# An animation whose first frame does not fill the canvas: the rest is black.
b = open("frames.webp", "rb").read()
canvas = b.index(b"VP8X") + 12
put("part.webp", b[:canvas] + struct.pack("<I", 59)[:3] + struct.pack("<I", 49)[:3] + b[canvas + 6:])
want("part.webp", np.asarray(Image.open("part.webp").convert("RGB")))

# AVIF: the source's pixels of lossless files, those of avifdec otherwise.

def avif(name, a, *how):
    Image.fromarray(a.astype(np.uint8).squeeze()).save("source.png")
    subprocess.run(["avifenc", "-s", "6", "-j", "1", *how, "source.png", name], check=True, stdout=subprocess.DEVNULL)
    if "--lossless" not in how:
        subprocess.run(["avifdec", "-d", "8", name, "source.png"], check=True, stdout=subprocess.DEVNULL)
        a = np.asarray(Image.open("source.png").convert("RGBA"))
    want(name, np.repeat(a, 3, 2) if a.shape[2] == 1 else a[:, :, :3])
    os.remove("source.png")


avif("lossless.avif", formula(W, H, 3), "--lossless")
avif("lossless-alpha.avif", formula(W, H, 4), "--lossless")
avif("yuv420.avif", wave, "-y", "420", "--min", "20", "--max", "30")
avif("ten-bit.avif", wave, "-y", "444", "-d", "10", "--min", "20", "--max", "30")
data = bytearray(open("yuv420.avif", "rb").read())
at = data.index(b"mdat") + 4
data[at:at + 30] = bytes([255] * 30)
put("damaged.avif", bytes(data))
cases.append("refuse damaged.avif AVIF")
avif("gray.avif", wave[:, :, :1], "-y", "400", "--min", "10", "--max", "10")

# netpbm: samples rounded to 8 bits, beyond maxval 255 through 16 bits of which the high byte stays.

def netpbm(name, magic, maxval, header, plain=False):
    c = 3 if magic in ("P3", "P6") else 1
    a = formula(W, H, c, 16) % (maxval + 1)
    a[0, 0], a[0, 1] = 0, maxval
    data = (header % (W, H, maxval)).encode()
    if plain:
        data += "\n".join(" ".join(map(str, row)) + " # row" * (y == 3) for y, row in
                          enumerate(a.reshape(H, -1))).encode()
    else:
        data += a.astype(">u2" if maxval > 255 else "u1").tobytes()
    put(name, data)
    if maxval <= 255:
        return want(name, (a * 255 + maxval // 2) // maxval)
    return want(name, (a * 65535 + maxval // 2) // maxval >> 8)


a = netpbm("p5.pgm", "P5", 255, "P5\n%d %d\n%d\n")
assert (np.asarray(Image.open("p5.pgm")) == a[:, :, 0]).all()
a = netpbm("p6.ppm", "P6", 255, "P6 # a comment\n# 99 another\n%d\t%d# and\n # one\n%d\n")
assert (np.asarray(Image.open("p6.ppm")) == a).all()
netpbm("p5-1.pgm", "P5", 1, "P5 %d %d %d ")
netpbm("p5-100.pgm", "P5", 100, "P5 %d %d %d ")
netpbm("p5-1000.pgm", "P5", 1000, "P5 %d %d %d\n")
netpbm("p5-65535.pgm", "P5", 65535, "P5 %d %d %d\n")
netpbm("p6-65535.ppm", "P6", 65535, "P6 %d %d %d# the comment's newline is the white space\n")
netpbm("p2.pgm", "P2", 255, "P2\n# comment\n%d %d\n%d\n", True)
netpbm("p3-4095.ppm", "P3", 4095, "P3 %d %d %d\n", True)

# npy

def npy(name, kind, a, version=(1, 0)):
    b = io.BytesIO()
    np.lib.format.write_array(b, a, version)
    put(name, b.getvalue())
    cases.append("npy %s %d %s %s" % (name, kind, crc(a), " ".join(map(str, a.shape))))


def values(name, a):
    """Values as float64, in C order."""
    with open(name, "wb") as f:
        np.lib.format.write_array(f, a, (1, 0))
    cases.append("values %s %d %s" % (name, a.size, crc(a.astype("<f8"))))


npy("u1-2d.npy", 0, formula(W, H, 1).astype(np.uint8)[:, :, 0])
npy("u1-3d.npy", 0, formula(5, 4, 3).astype(np.uint8).transpose(2, 0, 1).copy(), (3, 0))
npy("f4-1d.npy", 1, np.arange(7, dtype="<f4") / 3)
npy("f8-4d.npy", 2, np.arange(24, dtype="<f8").reshape(2, 1, 3, 4) / 7, (2, 0))
npy("f8-0d.npy", 2, np.array(2.5))
npy("f4-empty.npy", 1, np.zeros((0, 3), "<f4"))
npy("f4-8d.npy", 1, np.ones((1, 2, 1, 2, 1, 2, 1, 3), "<f4"))
values("fortran.npy", np.asfortranarray(np.arange(24, dtype="<f8").reshape(2, 1, 3, 4) / 7))
values("fortran-be.npy", np.asfortranarray(np.arange(30, dtype=">i2").reshape(5, 6) * 999))
values("be-f4.npy", (np.arange(12, dtype=">f4") / 7 - 1).reshape(3, 4))
values("be-f8.npy", np.arange(12, dtype=">f8") / 7)
values("be-u8.npy", np.arange(12, dtype=">u8") << 40)
values("bool.npy", np.arange(12).reshape(3, 4) % 3 == 1)
half = np.array([0, -0.0, 1, -2, 65504, 2**-14, 2**-24, 1023 * 2**-24, 1 / 3, -0.1], "<f2")
values("f2.npy", half)
values("be-f2.npy", half.astype(">f2"))
a = formula(4, 5, 3).astype(np.uint8)
for name, b in (("u1-hwc.npy", a), ("u1-fortran.npy", np.asfortranarray(a))):
    np.save(name, b)
    cases.append("tensor %s 3 5 4 %s" % (name, crc(a.transpose(2, 0, 1))))

# resize, and the whole way to a tensor

def source(name, w, h, c):
    a = formula(w, h, c).astype(np.uint8)
    Image.fromarray(a.squeeze() if c == 1 else a).save(name, optimize=True)
    want(name, a)
    return Image.open(name)


SIZES = [(28, 28), (64, 64), (13, 5), (7, 11), (1, 1), (2, 3), (12, 10), (14, 12), (5, 31), (31, 5), (200, 3), (3, 150)]
for name, w, h, c in (("s-rgb.png", 13, 11, 3), ("s-gray.png", 13, 11, 1), ("m-rgb.png", 61, 47, 3), ("m-gray.png", 97, 28, 1),
                      ("line.png", 300, 1, 3), ("column.png", 1, 211, 1)):
    im = source(name, w, h, c)
    for size in SIZES:
        cases.append("resize %s %d %d %s" % (name, *size, crc(np.asarray(im.resize(size, Image.BILINEAR)))))


# Wide and high: no limit by side, and so many weights that they are made in parts.
for name, w, h in ("wide.png", 600000, 1), ("high.png", 2, 600000):
    y, x = np.mgrid[0:h, 0:w]
    Image.fromarray(((x + y) // 2000 % 256).astype(np.uint8)).save(name, optimize=True)
    im = Image.open(name)
    for size in (28, 28), (5, 31), (700 if h == 1 else 70, 3):
        cases.append("resize %s %d %d %s" % (name, *size, crc(np.asarray(im.resize(size, Image.BILINEAR)))))


def tensor(name, c, h, w, reduced=False):
    im = Image.open(name)
    if reduced:
        im.draft(None, (2 * w, 2 * h))
    a = np.asarray(im).astype(np.int64)
    if a.ndim == 3 and c == 1:
        a = (a @ [19595, 38470, 7471] + 32768) >> 16
    a = np.asarray(Image.fromarray(a.astype(np.uint8)).resize((w, h), Image.BILINEAR))
    a = a.transpose(2, 0, 1) if a.ndim == 3 else np.stack([a] * c)
    cases.append("%s %s %d %d %d %s" % ("reduced" if reduced else "tensor", name, c, h, w, crc(a)))


for name in "s-rgb.png", "s-gray.png", "rgb420.jpg", "gray.jpg", "p5.pgm", "p6.ppm":
    for c in 1, 3:
        tensor(name, c, 28, 28)
        tensor(name, c, 11, 13)
        tensor(name, c, 64, 32)
for name in "rgb444.jpg", "rgb422.jpg", "rgb420.jpg", "rgb420-progressive.jpg", "gray.jpg":
    for h, w in (18, 22), (10, 11), (9, 11), (9, 6), (4, 5), (2, 2), (1, 1):  # of 37 x 45: twice whole, twice by 2, by 4, twice by 8
        tensor(name, 3, h, w, True)
tensor("rgb420.jpg", 1, 4, 5, True)
for name, shape in ("u1-2d.npy", (1, H, W)), ("u1-3d.npy", (3, 4, 5)):
    cases.append("tensor %s %d %d %d %s" % (name, *shape, crc(np.load(name))))

# IDX

def idx(dims):
    a = (np.arange(np.prod(dims)) * 7 % 251).astype(np.uint8)
    return struct.pack(">BBBB%dI" % len(dims), 0, 0, 8, len(dims), *dims) + a.tobytes()


def gz(data):
    return gzip.compress(data, 9, mtime=0)


images = idx((4, 5, 3))
put("images.idx", images)
put("images.idx.gz", gz(images))
put("members.idx.gz", gz(images[:30]) + gz(images[30:]))
put("labels.idx", idx((10,)))
put("colour.idx.gz", gz(idx((2, 3, 4, 5))))
# An item that fills whole buffers and ends with the deflate stream: where a cut in gzip's trailer hides.
put("large.idx.gz", gz(struct.pack(">BBBBII", 0, 0, 8, 2, 1, 131072) + bytes(131072)))

with open("cases.txt", "w") as f:
    f.write("\n".join(cases) + "\n")
