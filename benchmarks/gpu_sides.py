"""What `gpu.py` times: a network on JAX, and under another name on PyTorch, compiled and ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Job = tuple[str, str, int, Callable[[], int]]
"""Variant, what is done, the batch, and what does it and returns how many images it took."""
CALLS = 10
LEARNING_RATE, MOMENTUM = 0.01, 0.9
CIFAR, IMAGES = 50_000, 2560  # that an epoch takes, of small images and of large ones


def jax_jobs(network: Any, dtype: str, batches: Sequence[int]) -> Iterator[Job]:
    """Yield training with each lowering of depthwise convolutions, and inference; last what may not compile."""
    import jax
    import keras
    import numpy as np

    from sepzoo.applications import build

    for lowering in ("native", "shifted"):
        yield _training(network, dtype, lowering)
        keras.backend.clear_session()
    keras.config.set_dtype_policy("bfloat16" if dtype == "bfloat16" else "float32")
    model = build(network.name, classifier_activation=None)
    weights = [[each.value for each in group] for group in (model.trainable_variables, model.non_trainable_variables)]
    answer = jax.jit(lambda state, x: model.stateless_call(*state, x, training=False)[0])
    for batch in batches:
        x = np.random.default_rng(0).standard_normal((batch, *model.input_shape[1:])).astype("float32")
        given = jax.device_put(x.astype(jax.numpy.bfloat16) if dtype == "bfloat16" else x)
        calls = 1 if batch == 1 else CALLS

        def run(given: Any = given, calls: int = calls, batch: int = batch) -> int:
            for _ in range(calls):
                found = answer(weights, given)
            found.block_until_ready()
            return calls * batch

        run()
        yield "JAX, native", "inference", batch, run
    yield _training(network, dtype, "pallas")


def _training(network: Any, dtype: str, lowering: str) -> Job:
    import keras

    keras.config.set_dtype_policy("float32")  # the settings of the training say the rest
    return f"JAX, {lowering}", "training", network.batch, _epochs(network, dtype, lowering)


def _epochs(network: Any, dtype: str, lowering: str) -> Callable[[], int]:
    """Return what trains a whole epoch, as a recipe with `on_device: true` does."""
    import numpy as np

    from sepzoo.applications import build
    from sepzoo.data.arrays import ArraySource
    from sepzoo.layers.cloning import parts_of
    from sepzoo.records.preprocessing import ZERO_TO_ONE
    from sepzoo.support.stopping import held_back
    from sepzoo.surgery import accelerate
    from sepzoo.training.fit_settings import FitSettings
    from sepzoo.training.networks import Networks
    from sepzoo.training.progress import RunProgress
    from sepzoo.training.resident import ResidentEpochs
    from sepzoo.training.step_watch import StepWatch
    from sepzoo.training.trainee import Trainee

    model = build(network.name, classifier_activation=None)
    training = accelerate(model, xla=None if lowering == "native" else True)[0]
    for part in parts_of(training):  # those within BSConv layers too
        if hasattr(part, "lowering"):
            part.lowering = lowering
    networks = Networks(training, model, ZERO_TO_ONE)
    size = model.input_shape[1:3]
    images = (CIFAR if size[0] <= 32 else IMAGES) // network.batch * network.batch
    random = np.random.default_rng(0)
    source = ArraySource(
        random.integers(0, 256, (images, *size, 3), np.uint8),
        np.arange(images) % network.classes,
        tuple(map(str, range(network.classes))),
    )
    settings = FitSettings(
        optimizer={"kind": "sgd", "learning_rate": LEARNING_RATE, "momentum": MOMENTUM},
        batch_size=network.batch,
        epochs=1000,
        on_device=True,
        precision="mixed_bfloat16" if dtype == "bfloat16" else "float32",
        checkpoint_minutes=1e6,
    )
    steps = images // network.batch
    trainee = Trainee(networks, settings, steps_per_epoch=steps)
    progress = RunProgress(epochs=1000, done=0, steps_per_epoch=steps, quiet=True)
    targets = networks.targets(source.class_names)
    epochs = ResidentEpochs(trainee, source, networks, settings, targets, None, progress)
    epoch = -1

    def run() -> int:
        nonlocal epoch
        epoch += 1
        with held_back() as held:
            watch = StepWatch(epoch=epoch, steps=steps, save=lambda steps: None, minutes=1e6, held=held)
            epochs.run(epoch, watch, steps=steps, done=0)
        return images

    run()
    return run


def pytorch_jobs(network: Any, dtype: str, batches: Sequence[int]) -> Iterator[Job]:
    """Yield training and inference, eager and compiled, channels last."""
    import torch

    from sepzoo.benchmark.subject import pytorch_network

    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    package, _, name = network.pytorch.partition(":")

    def made() -> tuple[Any, tuple[int, int, int]]:
        model, shape = pytorch_network(package, name)
        return model.to(device, memory_format=torch.channels_last), shape

    for variant in ("eager", "compiled"):
        model, shape = made()
        x = torch.randn(network.batch, *shape, device=device).to(memory_format=torch.channels_last)
        y = torch.arange(network.batch, device=device) % network.classes
        optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM)

        def loss_of(x: Any, y: Any, model: Any = model) -> Any:
            with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
                return torch.nn.functional.cross_entropy(model(x), y)

        loss = torch.compile(loss_of) if variant == "compiled" else loss_of

        def train(x: Any = x, y: Any = y, loss: Any = loss, optimizer: Any = optimizer) -> int:
            for _ in range(CALLS):
                optimizer.zero_grad(set_to_none=True)
                loss(x, y).backward()
                optimizer.step()
            _wait(torch)
            return CALLS * len(x)

        train()
        yield f"PyTorch, {variant}", "training", network.batch, train
    for variant in ("eager", "compiled"):
        model, shape = made()
        model = model.eval().to(torch.bfloat16) if dtype == "bfloat16" else model.eval()
        answer = torch.compile(model, dynamic=False) if variant == "compiled" else model
        for batch in batches:
            x = torch.randn(batch, *shape, device=device, dtype=next(model.parameters()).dtype)
            x = x.to(memory_format=torch.channels_last)
            calls = 1 if batch == 1 else CALLS

            def run(x: Any = x, answer: Any = answer, calls: int = calls) -> int:
                with torch.inference_mode():
                    for _ in range(calls):
                        answer(x)
                _wait(torch)
                return calls * len(x)

            run()
            yield f"PyTorch, {variant}", "inference", batch, run
    if device == "cuda":
        torch.cuda.empty_cache()


def _wait(torch: Any) -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peaks() -> Iterator[str]:
    """Yield what the card does at most: products of large matrices, and a copy that reads and writes."""
    import torch

    if not torch.cuda.is_available():
        return
    yield torch.cuda.get_device_name()
    torch.set_float32_matmul_precision("high")
    for name, dtype in (("bfloat16", torch.bfloat16), ("float32, short numbers", torch.float32)):
        a = torch.randn(8192, 8192, device="cuda", dtype=dtype)
        yield f"{name}: {2 * 8192**3 / _seconds(torch, lambda a=a: a @ a) / 1e12:.0f} TFLOP/s"
    x = torch.empty(2**30, device="cuda")
    y = torch.empty_like(x)
    yield f"memory: {2 * x.nbytes / _seconds(torch, lambda: y.copy_(x)) / 1e12:.2f} TB/s"


def _seconds(torch: Any, run: Callable[[], Any]) -> float:
    times = []
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(CALLS):
            run()
        end.record()
        _wait(torch)
        times.append(start.elapsed_time(end) / 1e3 / CALLS)
    return min(times)
