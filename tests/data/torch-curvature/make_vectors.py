#!/usr/bin/python3
"""Made the vectors beside it: self influence with K-FAC and EK-FAC curvature of a tiny convolutional and a tiny linear VAE, by autograd in
double, a gradient for every record and draw. Needs torch; run it in this directory to make them again. Network, pictures and noise of
the convolutional one are those of ../torch.

  mlp.yaml, mlp.safetensors   the linear network
  conv.json, mlp.json         for every record the score of each layer, with damping 0.1; for every layer the traces of its factors;
                              the same scores with EK-FAC
"""
import json
import struct
import tarfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

LATENT, DRAWS, BETA, SHAPE, DAMPING = 3, 6, 1.5, (3, 6, 5), 0.1

YAML = """# The linear network of make_vectors.py
input:
  shape: [3, 6, 5]
model: {latent: 3, encoder: [flatten, {linear: 12}, tanh, {linear: 6}], decoder: [{linear: 10}, relu, {linear: 90}]}
score: {beta: 1.5, draws: 6, likelihood: gaussian}
"""


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 5, 2), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(5 * 2 * 2, 7), nn.Tanh(), nn.Linear(7, 2 * LATENT))
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 8), nn.ReLU(), nn.Unflatten(1, (2, 2, 2)), nn.ConvTranspose2d(2, 4, 2), nn.Sigmoid(),
            nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.ReLU(), nn.Conv2d(3, 3, 2), nn.Flatten(), nn.Linear(3 * 5 * 5, 90))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(90, 12), nn.Tanh(), nn.Linear(12, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, 10), nn.ReLU(), nn.Linear(10, 90))


def load_safetensors(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    return {name: torch.from_numpy(np.frombuffer(raw[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]], "<f4").reshape(t["shape"]).copy())
            for name, t in json.loads(raw[8:8 + n]).items() if name != "__metadata__"}


def save_safetensors(state, path):
    header, data = {}, b""
    for name, t in state.items():
        raw = t.detach().float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + data)


def pictures():
    with tarfile.open("../torch/pictures.tar") as tar:
        for member in tar:
            yield np.frombuffer(tar.extractfile(member).read()[11:], np.uint8).reshape(6, 5, 3).transpose(2, 0, 1)


def draw_loss(net, x, e):
    head = net.encoder(x[None])[0]
    mu, logvar = head[:LATENT], head[LATENT:]
    kl = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum()
    f = net.decoder((mu + (0.5 * logvar).exp() * e)[None])[0].reshape(SHAPE)
    return ((torch.sigmoid(f) - x) ** 2).sum() + BETA * kl


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
    xs = [torch.from_numpy(p.astype(np.float64) / 255) for p in pictures()]
    eps = torch.from_numpy(np.load("../torch/eps.npy").astype(np.float64))
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
