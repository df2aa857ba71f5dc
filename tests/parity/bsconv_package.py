"""The BSConv authors' package as a reference: its networks with random weights, their arrays by name, their logits."""

from __future__ import annotations

import math

import numpy as np
import torch
from bsconv.pytorch import get_model


def theirs(name, *, size=32, classes=10, seed=0):
    """Return their network in inference mode, with random weights and moving statistics that go with them."""
    torch.manual_seed(seed)
    model = get_model(name, num_classes=classes)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0.0, math.sqrt(2.0 / math.prod(parameter.shape[1:])))
            else:
                parameter.add_(torch.empty_like(parameter).uniform_(-0.5, 0.5))
        norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        model.train()(torch.rand(4, 3, size, size))  # else the signal fades or explodes on its way to the logits
        for norm in norms:
            norm.running_mean.add_(torch.empty_like(norm.running_mean).uniform_(-0.1, 0.1))
            norm.running_var.mul_(torch.empty_like(norm.running_var).uniform_(0.7, 1.4))
    return model.eval()


def arrays(model):
    """Return parameters and moving statistics by their names; the counters of batches are no weights."""
    return {
        name: value.detach().numpy().copy()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def logits(model, images):
    """Return their answers to channels-last images."""
    with torch.no_grad():
        return model(torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))).numpy()
