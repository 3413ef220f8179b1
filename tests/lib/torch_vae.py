"""What the scripts with PyTorch share (tests/data/torch*/make_vectors.py, tests/bench/opponent.py): safetensors files, and the small
convolutional network of tests/data/torch with its pictures and noise. Another implementation than that of vae-filters, on purpose.
"""
import json
import os
import struct
import tarfile

import numpy as np
import torch
import torch.nn as nn

LATENT, DRAWS, BETA, SHAPE = 3, 6, 1.5, (3, 6, 5)
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/torch")


def load_safetensors(path):
    """The float32 tensors of a file, by name."""
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {name: torch.from_numpy(np.frombuffer(data[slice(*t["data_offsets"])], "<f4").reshape(t["shape"]).copy())
            for name, t in head.items() if name != "__metadata__"}


def save_safetensors(state, path, kind_of=lambda i: "F32"):
    """kind_of(i): the type of tensor i, if it is not I64."""
    header, data = {}, b""
    for i, (name, t) in enumerate(state.items()):
        t = t.detach().cpu().contiguous()
        kind = "I64" if t.dtype == torch.int64 else kind_of(i)
        raw = {"I64": lambda: t, "F32": lambda: t.float(), "F64": lambda: t.double(), "F16": lambda: t.half(),
               "BF16": lambda: t.bfloat16().view(torch.int16)}[kind]().numpy().tobytes()
        header[name] = {"dtype": kind, "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + data)


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 5, 2), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(5 * 2 * 2, 7), nn.Tanh(), nn.Linear(7, 2 * LATENT))
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 8), nn.ReLU(), nn.Unflatten(1, (2, 2, 2)), nn.ConvTranspose2d(2, 4, 2), nn.Sigmoid(),
            nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.ReLU(), nn.Conv2d(3, 3, 2), nn.Flatten(), nn.Linear(3 * 5 * 5, 90))


def pictures():
    """The three pictures as doubles in 0..1, each of SHAPE."""
    out = []
    with tarfile.open(os.path.join(DATA, "pictures.tar")) as tar:
        for member in tar:
            samples = np.frombuffer(tar.extractfile(member).read()[-90:], np.uint8)
            out.append(torch.from_numpy(samples.reshape(6, 5, 3).transpose(2, 0, 1).astype(np.float64) / 255))
    return out


def noise():
    """[3][DRAWS][LATENT] doubles."""
    return torch.from_numpy(np.load(os.path.join(DATA, "eps.npy")).astype(np.float64))


def encode(net, x):
    """Mean, log variance, and the kl of a picture."""
    head = net.encoder(x[None])[0]
    mu, logvar = head[:LATENT], head[LATENT:]
    return mu, logvar, 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum()


def decode(net, mu, logvar, e):
    """The picture's logits for one draw."""
    return net.decoder((mu + (0.5 * logvar).exp() * e)[None])[0].reshape(SHAPE)


def score(net, x, draws, recon_of):
    """recon, kl, loss, selfinf and its parts by layer; recon_of(logits, x): of one draw."""
    names, params = zip(*net.named_parameters())
    mu, logvar, kl = encode(net, x)
    recon = 0
    for e in draws:
        recon = recon + recon_of(decode(net, mu, logvar, e), x) / DRAWS
    loss = recon + BETA * kl
    part = {}
    for name, g in zip(names, torch.autograd.grad(loss, params)):
        layer = "selfinf_" + name.rsplit(".", 1)[0]
        part[layer] = part.get(layer, 0) + (g * g).sum().item()
    return {"recon": recon.item(), "kl": kl.item(), "loss": loss.item(), "selfinf": sum(part.values()), **part}
