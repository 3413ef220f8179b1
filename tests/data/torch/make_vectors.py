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
import sys
import tarfile

import numpy as np
import torch

sys.path.insert(0, "../../lib")
from torch_vae import DRAWS, LATENT, SHAPE, Conv, noise, pictures, save_safetensors, score

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


torch.manual_seed(7)
net = Conv()
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
records = [score(net, x, draws, lambda f, x: ((torch.sigmoid(f) - x) ** 2).sum()) for x, draws in zip(pictures(), noise())]
json.dump(records, open("expected.json", "w"), indent=1)
