"""Other people's PyTorch networks as references: as if they were trained, their arrays by name, their answers."""

from __future__ import annotations

import math

import numpy as np

from tests.extras import needed

torch = needed("torch", "parity")


def as_if_trained(model, *, size, seed=0):
    """Give a network random weights, and moving statistics that go with them; return it in inference mode."""
    torch.manual_seed(seed)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0.0, math.sqrt(2.0 / math.prod(parameter.shape[1:])))
            else:
                parameter.add_(torch.empty_like(parameter).uniform_(-0.5, 0.5))
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
    """Return the answers to channels-last images."""
    with torch.no_grad():
        return model(torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))).numpy()


def assert_same_logits(ours, theirs, size):
    """Hold both networks' answers to the same images against each other, to 1e-4."""
    images = np.random.default_rng(0).uniform(0, 1, (4, size, size, 3)).astype("float32")
    expected = logits(theirs, images)
    assert expected.std() > 0.3  # otherwise anything would agree
    np.testing.assert_allclose(np.asarray(ours(images)), expected, atol=1e-4, rtol=1e-5)
