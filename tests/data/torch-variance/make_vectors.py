#!/usr/bin/python3
"""Made the vectors beside it: the network, pictures and noise of ../torch with a variance for each channel, and what PyTorch says of
them, by autograd in double. Needs torch; run it in this directory to make them again.

  net.safetensors    the state dict of ../torch, and log_variance [3]
  expected.json      recon (-log N(x; sigmoid(f), v_c)), loss, selfinf over the parameters of the network, and its parts by layer
"""
import json
import struct
import tarfile

import numpy as np
import torch
import torch.nn as nn

LATENT, DRAWS, BETA, SHAPE = 3, 6, 1.5, (3, 6, 5)
LOG_VARIANCE = [-3.0, -1.5, 0.25]


def load(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + n])
    return {k: torch.from_numpy(np.frombuffer(raw[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]], "<f4").reshape(v["shape"]).copy())
            for k, v in header.items() if k != "__metadata__"}


def save(state, path):
    header, data = {}, b""
    for name, t in state.items():
        raw = t.float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(head)) + head + data)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 5, 2), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(5 * 2 * 2, 7), nn.Tanh(), nn.Linear(7, 2 * LATENT))
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 8), nn.ReLU(), nn.Unflatten(1, (2, 2, 2)), nn.ConvTranspose2d(2, 4, 2), nn.Sigmoid(),
            nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.ReLU(), nn.Conv2d(3, 3, 2), nn.Flatten(), nn.Linear(3 * 5 * 5, 90))


state = load("../torch/net.safetensors")
net = VAE()
net.load_state_dict(state)
save({**state, "log_variance": torch.tensor(LOG_VARIANCE)}, "net.safetensors")
net = net.double()
variance = torch.tensor(LOG_VARIANCE).double().exp()[:, None, None].expand(SHAPE)
eps = torch.from_numpy(np.load("../torch/eps.npy").astype(np.float64))
names, params = zip(*net.named_parameters())
records = []
with tarfile.open("../torch/pictures.tar") as tar:
    for i, member in enumerate(tar.getmembers()):
        pixels = np.frombuffer(tar.extractfile(member).read()[-90:], np.uint8).reshape(6, 5, 3).transpose(2, 0, 1)
        x = torch.from_numpy(pixels.astype(np.float64) / 255)
        head = net.encoder(x[None])[0]
        mu, logvar = head[:LATENT], head[LATENT:]
        kl = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum()
        recon = 0
        for e in eps[i]:
            f = net.decoder((mu + (0.5 * logvar).exp() * e)[None])[0].reshape(SHAPE)
            recon = recon - torch.distributions.Normal(torch.sigmoid(f), variance.sqrt()).log_prob(x).sum() / DRAWS
        loss = recon + BETA * kl
        part = {}
        for name, g in zip(names, torch.autograd.grad(loss, params)):
            layer = "selfinf_" + name.rsplit(".", 1)[0]
            part[layer] = part.get(layer, 0) + (g * g).sum().item()
        records.append({"recon": recon.item(), "kl": kl.item(), "loss": loss.item(), "selfinf": sum(part.values()), **part})
json.dump(records, open("expected.json", "w"), indent=1)
