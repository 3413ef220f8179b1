#!/usr/bin/python3
"""Made the vectors beside it: a tiny convolutional VAE as PyTorch saves one, and what it says of three
pictures, by autograd in double, draw by draw. Needs torch; run it in this directory to make them again.

  net.yaml           the same network for vae-filters
  net.safetensors    its state dict: tensors in torch's order, names and shapes
  pictures.tar       three records of 6x5 in colour
  eps.npy            noise: record, draw, latent
  expected.json      recon, kl, loss, selfinf (square of the mean gradient), and its parts by layer
"""
import io
import json
import struct
import tarfile

import numpy as np
import torch
import torch.nn as nn

LATENT, DRAWS, BETA, SHAPE = 3, 6, 1.5, (3, 6, 5)

YAML = """# The network of make_vectors.py
input:
  shape: [3, 6, 5]
model:
  latent: 3
  encoder: [{conv2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, relu, {conv2d: {out: 5, kernel: 2}}, {leaky_relu: 0.2},
    flatten, {linear: 7}, tanh, {linear: 6}]
  decoder: [{linear: 8}, relu, {unflatten: [2, 2, 2]}, {conv_transpose2d: {out: 4, kernel: 2}}, sigmoid,
    {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}, relu, {conv2d: {out: 3, kernel: 2, stride: 1, padding: 0}},
    flatten, {linear: 90}]
score: {beta: 1.5, draws: 6, likelihood: gaussian}
"""


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 5, 2), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(5 * 2 * 2, 7), nn.Tanh(), nn.Linear(7, 2 * LATENT))
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 8), nn.ReLU(), nn.Unflatten(1, (2, 2, 2)), nn.ConvTranspose2d(2, 4, 2), nn.Sigmoid(),
            nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.ReLU(), nn.Conv2d(3, 3, 2), nn.Flatten(), nn.Linear(3 * 5 * 5, 90))


def save_safetensors(state, path):
    """The lines of vae-model(5)."""
    header, data = {}, b""
    for name, t in state.items():
        raw = t.detach().cpu().float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + data)


torch.manual_seed(7)
net = VAE()
save_safetensors(net.state_dict(), "net.safetensors")
open("net.yaml", "w").write(YAML)
pixels = torch.randint(0, 256, (3,) + SHAPE).numpy().astype(np.uint8)
eps = torch.randn(3, DRAWS, LATENT).numpy().astype(np.float32)
np.save("eps.npy", eps)
with tarfile.open("pictures.tar", "w", format=tarfile.PAX_FORMAT) as tar:
    for i, p in enumerate(pixels):
        ppm = b"P6\n5 6\n255\n" + np.ascontiguousarray(p.transpose(1, 2, 0)).tobytes()
        info = tarfile.TarInfo("picture/%d.ppm" % i)
        info.size = len(ppm)
        tar.addfile(info, io.BytesIO(ppm))

net = net.double()
names, params = zip(*net.named_parameters())
records = []
for i in range(3):
    x = torch.from_numpy(pixels[i].astype(np.float64) / 255)
    head = net.encoder(x[None])[0]
    mu, logvar = head[:LATENT], head[LATENT:]
    kl = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum()
    recon = 0
    for e in torch.from_numpy(eps[i].astype(np.float64)):
        f = net.decoder((mu + (0.5 * logvar).exp() * e)[None])[0].reshape(SHAPE)
        recon = recon + ((torch.sigmoid(f) - x) ** 2).sum() / DRAWS
    loss = recon + BETA * kl
    part = {}
    for name, g in zip(names, torch.autograd.grad(loss, params)):
        layer = "selfinf_" + name.rsplit(".", 1)[0]
        part[layer] = part.get(layer, 0) + (g * g).sum().item()
    records.append({"recon": recon.item(), "kl": kl.item(), "loss": loss.item(), "selfinf": sum(part.values()), **part})
json.dump(records, open("expected.json", "w"), indent=1)
