#!/usr/bin/python3
"""Made the vectors beside it: a VAE with BatchNorm wherever one can be folded, as PyTorch saves it, and what PyTorch says of three pictures
in inference form (eval()), in double. Needs torch; run it in this directory to make them again.

  net.yaml             the same network without BatchNorm
  net.safetensors      its state dict, as float32, with num_batches_tracked
  half.safetensors     the same in F16, with BF16 and F64 tensors among them
  padded.safetensors   the same with a BatchNorm in front of a convolution with padding, which cannot be folded
  expected.json        recon, kl and loss of pictures.tar and eps.npy in ../torch; of half.safetensors too
"""
import json
import sys

import torch
import torch.nn as nn

sys.path.insert(0, "../../lib")
from torch_vae import BETA, DRAWS, LATENT, decode, encode, noise, pictures, save_safetensors

EPS = 1e-3

YAML = """# The network of make_vectors.py
input:
  shape: [3, 6, 5]
model:
  latent: 3
  encoder: [{conv2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, relu, {conv2d: {out: 6, kernel: 2}}, {leaky_relu: 0.2},
    flatten, {linear: 7}, tanh, {linear: 6}]
  decoder: [{linear: 8}, {unflatten: [2, 2, 2]}, relu, {conv_transpose2d: {out: 4, kernel: 2}}, sigmoid,
    {conv_transpose2d: {out: 3, kernel: 1}}, relu, {conv2d: {out: 5, kernel: 2}}, tanh, flatten, {linear: 90}]
score: {beta: 1.5, draws: 6, likelihood: gaussian}
"""


def norm2(n):
    return nn.BatchNorm2d(n, eps=EPS)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1, bias=False), norm2(4), nn.ReLU(),  # behind a convolution without a bias
            norm2(4), nn.Conv2d(4, 6, 2), nn.LeakyReLU(0.2),            # in front of one without padding
            norm2(6), nn.Flatten(), nn.Linear(6 * 2 * 2, 7, bias=False),  # by channel, in front of a linear layer
            nn.BatchNorm1d(7, eps=EPS), nn.Tanh(),
            nn.BatchNorm1d(7, eps=EPS, affine=False), nn.BatchNorm1d(7, eps=EPS), nn.Linear(7, 2 * LATENT))  # two in front
        self.decoder = nn.Sequential(
            nn.BatchNorm1d(LATENT, eps=EPS), nn.Linear(LATENT, 8), nn.BatchNorm1d(8, eps=EPS), nn.Unflatten(1, (2, 2, 2)),
            norm2(2), nn.ReLU(),                                        # by channel, behind a linear layer
            nn.ConvTranspose2d(2, 4, 2), norm2(4), nn.Sigmoid(),        # behind a transposed convolution
            norm2(4), nn.ConvTranspose2d(4, 3, 1), nn.ReLU(),           # in front of one of 1 by 1
            nn.Conv2d(3, 5, 2), nn.Tanh(), nn.Flatten(), nn.BatchNorm1d(5 * SIDES, eps=EPS), nn.Linear(5 * SIDES, 90),
            nn.BatchNorm1d(90, eps=EPS))                                # at the end


SIDES = 2 * 2  # of what the last convolution writes


def mixed(i):
    """F16, BF16 and F64 in turn."""
    return ("F16", "BF16", "F64")[i % 3]


def rounded(state):
    """The values that a file of mixed types has."""
    out = {}
    for i, (name, t) in enumerate(state.items()):
        out[name] = t if t.dtype == torch.int64 else (t.half().float(), t.bfloat16().float(), t)[i % 3]
    return out


def score(net):
    net = net.double().eval()
    records = []
    for x, draws in zip(pictures(), noise()):
        with torch.no_grad():
            mu, logvar, kl = encode(net, x)
            kl = kl.item()
            recon = sum(((torch.sigmoid(decode(net, mu, logvar, e)) - x) ** 2).sum().item() for e in draws) / DRAWS
        records.append({"recon": recon, "kl": kl, "loss": recon + BETA * kl})
    return records


torch.manual_seed(11)
net = VAE()
for name, t in list(net.named_parameters()) + list(net.named_buffers()):
    if t.dtype == torch.int64:
        t.fill_(100)
    elif name.endswith("running_var"):
        t.uniform_(0.3, 2)
    elif t.dim() == 1:
        t.data.normal_(0.2, 0.5)
state = net.state_dict()
open("net.yaml", "w").write(YAML)
save_safetensors(state, "net.safetensors")
save_safetensors(state, "half.safetensors", mixed)
first = {("encoder.%d." % (int(n.split(".")[1]) + 1) + n.split(".", 2)[2] if n.startswith("encoder") else n): t for n, t in state.items()}
first.update({"encoder.0.running_mean": torch.ones(3), "encoder.0.running_var": torch.ones(3)})
save_safetensors(first, "padded.safetensors")
half = VAE()
half.load_state_dict(rounded(state))
json.dump({"net": score(net), "half": score(half)}, open("expected.json", "w"), indent=1)
