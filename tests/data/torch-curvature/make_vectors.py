#!/usr/bin/python3
"""Made the vectors beside it: self influence with K-FAC and EK-FAC curvature of a tiny convolutional and a tiny linear VAE, by autograd in
double, a gradient for every record and draw. Needs torch; run it in this directory to make them again. Network, pictures and noise of
the convolutional one are those of ../torch.

  mlp.yaml, mlp.safetensors   the linear network
  conv.json, mlp.json         for every record the score of each layer, with damping 0.1; for every layer the traces of its factors;
                              the same scores with EK-FAC
"""
import json
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, "../../lib")
from torch_vae import BETA, DRAWS, LATENT, Conv, decode, encode, load_safetensors, noise, pictures, save_safetensors

DAMPING = 0.1

YAML = """# The linear network of make_vectors.py
input:
  shape: [3, 6, 5]
model: {latent: 3, encoder: [flatten, {linear: 12}, tanh, {linear: 6}], decoder: [{linear: 10}, relu, {linear: 90}]}
score: {beta: 1.5, draws: 6, likelihood: gaussian}
"""


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(90, 12), nn.Tanh(), nn.Linear(12, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, 10), nn.ReLU(), nn.Linear(10, 90))


def draw_loss(net, x, e):
    mu, logvar, kl = encode(net, x)
    return ((torch.sigmoid(decode(net, mu, logvar, e)) - x) ** 2).sum() + BETA * kl


def rows(m, a, d):
    """The input and the gradient of one draw as rows, one for each position."""
    one = lambda u: torch.cat([u, torch.ones(len(u), 1, dtype=u.dtype)], 1)
    if isinstance(m, nn.Linear):
        return one(a), d
    if isinstance(m, nn.Conv2d):
        return one(F.unfold(a, m.kernel_size, padding=m.padding, stride=m.stride)[0].T), d.flatten(2)[0].T
    return a.flatten(2)[0].T, F.unfold(d, m.kernel_size, padding=m.padding, stride=m.stride)[0].T


def inverse(factor):
    return torch.linalg.inv(factor + DAMPING * factor.diagonal().mean() * torch.eye(len(factor), dtype=factor.dtype))


def layer_matrix(m, w, b):
    """The gradient as a matrix, outputs (or what is under the kernel) by inputs."""
    if isinstance(m, nn.ConvTranspose2d):
        return w.flatten(1).T
    return torch.cat([w.flatten(1), b[:, None]], 1)


def make(net, name):
    net = net.double()
    layers = [("%s.%d" % (part, i), m) for part in ("encoder", "decoder") for i, m in enumerate(getattr(net, part)) if hasattr(m, "weight")]
    seen = {}

    def keep(layer):
        def hook(module, inputs, output):
            output.retain_grad()
            seen[layer] = (inputs[0].detach(), output)
        return hook

    for layer, m in layers:
        m.register_forward_hook(keep(layer))
    xs, eps = pictures(), noise()
    A, D, B = {}, {}, {}
    every = []  # the gradients of each draw, by layer
    means = []  # for every record the mean gradient by every parameter
    for x, es in zip(xs, eps):
        mean = {}
        for e in es:
            net.zero_grad()
            draw_loss(net, x, e).backward()
            every.append({layer: layer_matrix(m, m.weight.grad.clone(), m.bias.grad) for layer, m in layers})
            for layer, m in layers:
                a, d = rows(m, seen[layer][0], seen[layer][1].grad)
                A[layer] = A.get(layer, 0) + a.T @ a / len(a) / len(xs) / DRAWS
                D[layer] = D.get(layer, 0) + d.T @ d / len(xs) / DRAWS
                B[layer] = B.get(layer, 0) + torch.outer(m.bias.grad, m.bias.grad) / len(xs) / DRAWS
                for p in ("weight", "bias"):
                    mean[layer, p] = mean.get((layer, p), 0) + getattr(m, p).grad / DRAWS
        means.append(mean)
    QA, QD, values = {}, {}, {}
    for layer, m in layers:
        QA[layer], QD[layer] = torch.linalg.eigh(A[layer])[1], torch.linalg.eigh(D[layer])[1]
        squares = sum((QD[layer].T @ g[layer] @ QA[layer]) ** 2 for g in every) / len(every)
        values[layer] = squares + DAMPING * squares.mean()
    records, ekfac = [], []
    for mean in means:
        part, own = {}, {}
        for layer, m in layers:
            w, b = mean[layer, "weight"], mean[layer, "bias"]
            G = layer_matrix(m, w, b)
            own["selfinf_" + layer] = ((QD[layer].T @ G @ QA[layer]) ** 2 / values[layer]).sum().item()
            if isinstance(m, nn.ConvTranspose2d):
                own["selfinf_" + layer] += (b @ inverse(B[layer]) @ b).item()
                v = (inverse(D[layer]) @ G @ inverse(A[layer]) * G).sum() + b @ inverse(B[layer]) @ b
            else:
                v = (inverse(D[layer]) @ G @ inverse(A[layer]) * G).sum()
            part["selfinf_" + layer] = v.item()
        records.append({"selfinf": sum(part.values()), **part})
        ekfac.append({"selfinf": sum(own.values()), **own})
    traces = {layer: {"a": A[layer].trace().item(), "d": D[layer].trace().item()} for layer, m in layers}
    json.dump({"records": records, "ekfac": ekfac, "traces": traces}, open(name, "w"), indent=1)


conv = Conv()
conv.load_state_dict(load_safetensors("../torch/net.safetensors"))
make(conv, "conv.json")
torch.manual_seed(11)
mlp = MLP()
save_safetensors(mlp.state_dict(), "mlp.safetensors")
open("mlp.yaml", "w").write(YAML)
make(mlp, "mlp.json")
