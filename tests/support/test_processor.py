"""What a process asks the system for, counted by the system, and what TensorFlow is told; each in its own process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

only_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator can be told")

PROGRAM = """
import resource, sys, threading
import numpy as np
from sepzoo.support.processor import keep_freed_memory
told = keep_freed_memory() if sys.argv[1] == "keep" else None
blocks = [np.ones(1 << 23, "float32") for _ in range(2)]
del blocks
def work():
    global faults
    np.ones(1 << 23, "float32")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(1 << 23, "float32")
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(told, faults)
"""
PAGES = 20 * (1 << 25) // 4096
"""Of 4 KiB in the twenty blocks of 32 MiB."""


def told_and_faults(*arguments: str, **environment: str) -> tuple[str, int]:
    """Return what `keep_freed_memory` gave and how many pages came from the system for blocks that come and go."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    own["NUMPY_MADVISE_HUGEPAGE"] = "0"  # which asks for larger pages, where there are any
    command = [sys.executable, "-c", PROGRAM, *arguments]
    told, faults = subprocess.run(
        command, env={**own, **environment}, capture_output=True, text=True, check=True
    ).stdout.split()
    return told, int(faults)


@only_glibc
def test_blocks_that_come_and_go_take_no_new_pages() -> None:
    told, faults = told_and_faults("keep")
    assert told == "True"
    assert faults < PAGES / 100


@only_glibc
def test_it_is_needed() -> None:
    assert told_and_faults("leave")[1] > PAGES / 600  # of 2 MiB, where the system gives such


def without_kernels() -> dict[str, str]:
    """Return the environment of a process for which nobody chose TensorFlow's kernels."""
    return {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}


@pytest.mark.parametrize(("said", "kept"), [(None, "1"), ("0", "0")])
def test_the_kernels_are_chosen_before_tensorflow_is_there(said: str | None, kept: str) -> None:
    program = (
        "import os, sys; from sepzoo.training import set_for_processor; set_for_processor(); "
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], 'tensorflow' in sys.modules)"
    )
    own = without_kernels()
    own |= {} if said is None else {"TF_ENABLE_ONEDNN_OPTS": said}
    found = subprocess.run([sys.executable, "-c", program], env=own, capture_output=True, text=True, check=True).stdout
    assert found.split() == [kept, "False"]


@pytest.mark.parametrize(
    ("command", "kernels"),
    [("train", "1"), ("sweep", "1"), ("quickstart", "1"), ("export", "1"), ("compress", None), ("shrink", None)],
)
def test_commands_choose_the_kernels_but_where_they_train_keras_s_own_layers(command: str, kernels: str | None) -> None:
    program = (
        f"import os\nfrom sepzoo.cli import main\ntry: main([{command!r}, '--help'])\nexcept SystemExit: pass\n"
        "print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], env=without_kernels(), capture_output=True, text=True, check=True
    ).stdout
    assert found.splitlines()[-1] == str(kernels)


STRIDED = """
from sepzoo.training import set_for_processor
set_for_processor()
import keras, numpy as np
from sepzoo.surgery import accelerate
layers = [keras.layers.Conv2D(48, 1, strides=2, name="first"), keras.layers.GlobalAveragePooling2D()]
model = keras.Sequential([keras.Input((64, 64, 3)), *layers, keras.layers.Dense(2, name="values")], name="strided")
training, _ = accelerate(model)
training.compile("sgd", "mse", jit_compile=False)
images = np.random.default_rng(0).normal(size=(32, 64, 64, 3)).astype("float32")
training.fit(images, np.zeros((32, 2), "float32"), batch_size=4, verbose=0)
print(np.isfinite(training.predict(images, verbose=0)).all())
"""


@pytest.mark.slow
def test_a_network_that_these_kernels_would_end_the_process_of_trains() -> None:
    """TensorFlow's own gradient of a 1 x 1 convolution with strides over three channels does, with AVX2 alone."""
    done = subprocess.run(
        [sys.executable, "-c", STRIDED], env=without_kernels(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True"]), done.stderr[-2000:]


@only_glibc
@pytest.mark.parametrize("variable", ["MALLOC_ARENA_MAX=4", "GLIBC_TUNABLES=glibc.malloc.trim_threshold=131072"])
def test_the_environments_own_settings_stay(variable: str) -> None:
    name, value = variable.split("=", 1)
    told, faults = told_and_faults("keep", **{name: value})
    assert told == "False"
    assert faults > PAGES / 600
