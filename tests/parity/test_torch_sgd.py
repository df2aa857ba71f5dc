"""Our SGD against PyTorch's, over a schedule's fall."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.training.optimizer import build_optimizer
from sepzoo.training.recipe_sections import OptimizerSection, ScheduleSection
from sepzoo.training.schedule import EpochSchedule
from tests.extras import needed

torch = needed("torch", "parity")


@pytest.mark.parametrize("nesterov", [False, True])
def test_same_weights_after_every_step(nesterov: bool) -> None:
    random = np.random.default_rng(0)
    start = random.normal(size=(5, 3)).astype("float32")
    inputs, targets = random.normal(size=(40, 5)).astype("float32"), random.normal(size=(40, 3)).astype("float32")
    milestones = (3, 5)

    theirs = torch.nn.Parameter(torch.tensor(start))
    torch_sgd = torch.optim.SGD([theirs], lr=0.05, momentum=0.9, weight_decay=0.02, nesterov=nesterov)
    torch_schedule = torch.optim.lr_scheduler.MultiStepLR(torch_sgd, milestones=list(milestones), gamma=0.1)

    ours = keras.Variable(start)
    section = OptimizerSection(learning_rate=0.05, weight_decay=0.02, nesterov=nesterov)
    schedule = EpochSchedule(0.05, ScheduleSection(kind="step", milestones=milestones), steps_per_epoch=4, epochs=7)
    sgd = build_optimizer(section, schedule, ema=0, variables=[ours])

    for _ in range(7):
        for batch in range(4):
            part = slice(10 * batch, 10 * batch + 10)
            torch_sgd.zero_grad()
            loss = ((torch.tensor(inputs[part]) @ theirs - torch.tensor(targets[part])) ** 2).mean()
            loss.backward()
            torch_sgd.step()
            residual = inputs[part] @ keras.ops.convert_to_numpy(ours.value) - targets[part]
            gradient = 2 * inputs[part].T @ residual / residual.size
            sgd.apply_gradients([(keras.ops.convert_to_tensor(gradient), ours)])
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(ours.value), theirs.detach().numpy(), rtol=1e-5, atol=1e-6
            )
        torch_schedule.step()
