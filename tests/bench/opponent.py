#!/usr/bin/python3
"""PyTorch doing the same work as vae-selfinf and vae-train, as fast as it can, for comparison.

  opponent.py selfinf MODEL.safetensors IMAGES.idx FROM TO [DRAWS]   self influence, batched draws, Gram norms
  opponent.py train THREADS STEPS adam|sgd IMAGES.idx                steps of mnist-mlp, batch 64
  opponent.py selfinf-conv RECORDS [DRAWS]                            the same on beta-vae-h, latent 128, noise pictures
  opponent.py train-conv THREADS STEPS                                steps of beta-vae-h, batch 64, adam
Prints records (or steps) a second, without the time to read the pictures. One thread for selfinf: run two
processes on halves of the data. Needs Debian's python3-torch; tests/bench/run uses it when it is installed.
"""
import os
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from torch_vae import load_safetensors

LATENT, BETA = 128, 4.0


def networks():
    enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(),
                        nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 2 * LATENT))
    dec = nn.Sequential(nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(),
                        nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 784))
    return nn.ModuleDict({"encoder": enc, "decoder": dec})


def images(path):
    raw = np.fromfile(path, np.uint8)
    return raw[16:].reshape(-1, 784)


def forward(seq, x):
    """Activations before each linear layer, and each one's output."""
    ins, outs = [], []
    for layer in seq:
        if isinstance(layer, nn.Linear):
            ins.append(x)
            x = layer(x)
            outs.append(x)
        else:
            x = layer(x)
    return x, ins, outs


def selfinf(net, x, draws):
    n = x.shape[0]
    # only the gradients by the layers' outputs are wanted, not by the weights
    for p in net.parameters():
        p.requires_grad_(False)
    head, ea, eo = None, [], []
    with torch.no_grad():
        head, ea, _ = forward(net["encoder"], x)
    head = head.requires_grad_(True)
    mu, logvar = head[:, :LATENT], head[:, LATENT:]
    eps = torch.randn(n, draws, LATENT)
    xi = mu[:, None] + torch.exp(0.5 * logvar)[:, None] * eps
    a, da, do = forward(net["decoder"], xi.reshape(n * draws, LATENT))
    recon = ((torch.sigmoid(a).view(n, draws, -1) - x[:, None]) ** 2).sum()
    grads = torch.autograd.grad(recon, do + [head])
    total = torch.zeros(n)
    for act, d in zip(da, grads[:-1]):
        A, D = act.detach().view(n, draws, -1), d.view(n, draws, -1)
        ga, gd = A @ A.transpose(1, 2), D @ D.transpose(1, 2)
        total += (gd * (ga + 1)).sum((1, 2)) / draws ** 2
    with torch.no_grad():
        m, lv = head[:, :LATENT], head[:, LATENT:]
        d = grads[-1] / draws + torch.cat([BETA * m, 0.5 * BETA * (lv.exp() - 1)], 1)
        i = len(ea) - 1
        for layer in reversed(net["encoder"]):
            if isinstance(layer, nn.Linear):
                total += (d * d).sum(1) * ((ea[i] * ea[i]).sum(1) + 1)
                if i > 0:
                    d = (d @ layer.weight) * (ea[i] > 0)
                i -= 1
    return total


def run_selfinf(model, idx, first, last, draws):
    torch.set_num_threads(1)
    net = networks()
    net.load_state_dict(load_safetensors(model))
    x = torch.from_numpy(images(idx)[first:last].astype(np.float32) / 255)
    selfinf(net, x[:64], draws)
    start = time.time()
    for i in range(0, len(x), 64):
        selfinf(net, x[i:i + 64], draws)
    print("%.1f" % (len(x) / (time.time() - start)))


def run_train(threads, steps, optimizer, idx):
    torch.set_num_threads(threads)
    net = networks()
    x = torch.from_numpy(images(idx)[:6400].astype(np.float32) / 255)
    opt = torch.optim.Adam(net.parameters(), 5e-4) if optimizer == "adam" else torch.optim.SGD(net.parameters(), 1e-4)

    def step(i):
        b = x[64 * i % 6400:64 * i % 6400 + 64]
        head = net["encoder"](b)
        mu, logvar = head[:, :LATENT], head[:, LATENT:]
        xi = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        recon = F.binary_cross_entropy_with_logits(net["decoder"](xi), b, reduction="sum")
        kl = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum()
        loss = (recon + BETA * kl) / 64
        opt.zero_grad()
        loss.backward()
        opt.step()

    for i in range(5):
        step(i)
    start = time.time()
    for i in range(steps):
        step(i)
    print("%.1f" % (steps / (time.time() - start)))


def convolutional():
    def conv(i, o, *a): return nn.Conv2d(i, o, 4, *a)
    def back(i, o, *a): return nn.ConvTranspose2d(i, o, 4, *a)
    enc = nn.Sequential(conv(3, 32, 2, 1), nn.ReLU(), conv(32, 32, 2, 1), nn.ReLU(), conv(32, 64, 2, 1), nn.ReLU(),
                        conv(64, 64, 2, 1), nn.ReLU(), conv(64, 256), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2 * LATENT))
    dec = nn.Sequential(nn.Linear(LATENT, 256), nn.Unflatten(1, (256, 1, 1)), nn.ReLU(), back(256, 64), nn.ReLU(), back(64, 64, 2, 1),
                        nn.ReLU(), back(64, 32, 2, 1), nn.ReLU(), back(32, 32, 2, 1), nn.ReLU(), back(32, 3, 2, 1))
    return nn.ModuleDict({"encoder": enc, "decoder": dec})


def loss_conv(net, x, draws):
    """Mean over the draws of each record, summed over the records: the encoder runs once a record."""
    head = net["encoder"](x)
    mu, logvar = head[:, :LATENT], head[:, LATENT:]
    xi = (mu[:, None] + torch.exp(0.5 * logvar)[:, None] * torch.randn(len(x), draws, LATENT)).reshape(-1, LATENT)
    f = torch.sigmoid(net["decoder"](xi)).view(len(x), draws, -1)
    return ((f - x.view(len(x), 1, -1)) ** 2).sum() / draws + BETA * 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum()


def run_selfinf_conv(records, draws):
    torch.set_num_threads(1)
    net = convolutional()
    params = list(net.parameters())
    x = torch.rand(records + 4, 3, 64, 64)

    def one(i):
        return sum((g * g).sum() for g in torch.autograd.grad(loss_conv(net, x[i:i + 1], draws), params))

    for i in range(4):
        one(records + i)
    start = time.time()
    for i in range(records):
        one(i)
    print("%.1f" % (records / (time.time() - start)))


def run_train_conv(threads, steps):
    torch.set_num_threads(threads)
    net = convolutional()
    opt = torch.optim.Adam(net.parameters(), 1e-4)
    x = torch.rand(64, 3, 64, 64)

    def step():
        loss = loss_conv(net, x, 1) / 64
        opt.zero_grad()
        loss.backward()
        opt.step()

    for i in range(3):
        step()
    start = time.time()
    for i in range(steps):
        step()
    print("%.2f" % (steps / (time.time() - start)))


if sys.argv[1] == "selfinf-conv":
    run_selfinf_conv(int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 16)
elif sys.argv[1] == "train-conv":
    run_train_conv(int(sys.argv[2]), int(sys.argv[3]))
elif sys.argv[1] == "selfinf":
    run_selfinf(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]) if len(sys.argv) > 6 else 16)
else:
    run_train(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
