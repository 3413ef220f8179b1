#!/usr/bin/python3
"""Made the vectors beside it: the network, pictures and noise of ../torch with a variance for each channel, and what PyTorch says of
them, by autograd in double. Needs torch; run it in this directory to make them again.

  net.safetensors    the state dict of ../torch, and log_variance [3]
  expected.json      recon (-log N(x; sigmoid(f), v_c)), loss, selfinf over the parameters of the network, and its parts by layer
"""
import json
import sys

import torch

sys.path.insert(0, "../../lib")
from torch_vae import SHAPE, Conv, load_safetensors, noise, pictures, save_safetensors, score

LOG_VARIANCE = [-3.0, -1.5, 0.25]

state = load_safetensors("../torch/net.safetensors")
net = Conv()
net.load_state_dict(state)
save_safetensors({**state, "log_variance": torch.tensor(LOG_VARIANCE)}, "net.safetensors")
net = net.double()
deviation = torch.tensor(LOG_VARIANCE).double().exp()[:, None, None].expand(SHAPE).sqrt()
records = [score(net, x, draws, lambda f, x: -torch.distributions.Normal(torch.sigmoid(f), deviation).log_prob(x).sum())
           for x, draws in zip(pictures(), noise())]
json.dump(records, open("expected.json", "w"), indent=1)
