"""C arrays: what a compiler makes of them is the file, and memory is said as it was measured."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import ExportReport, tflite
from sepzoo.export.microcontroller import arena_of, c_source, write_array
from sepzoo.support.errors import SepzooError
from tests.export.networks import pixels
from tests.extras import needed

ALIGNMENT = 16
"""Bytes, of what lies in an arena."""

COMPILERS = [name for name in ("cc", "c++") if shutil.which(name)]
PROGRAM = "{extern}const unsigned char {name}[]; {extern}const unsigned int {name}_len;\n"
MAIN = """
#include <stdio.h>
{declared}
int main(void) {{ fwrite({name}, 1, {name}_len, stdout); return ((unsigned long){name} % 16) != 0; }}
"""


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_compiler_finds_the_file_in_the_array(compiler: str, float_file: ExportReport, tmp_path: Path) -> None:
    content = float_file.path.read_bytes()
    suffix, extern = (".c", "extern ") if compiler == "cc" else (".cc", 'extern "C" ')
    (tmp_path / f"model{suffix}").write_text(c_source(content, "2nd net-int8"))
    declared = PROGRAM.format(extern=extern, name="_2nd_net_int8")
    (tmp_path / f"main{suffix}").write_text(MAIN.format(declared=declared, name="_2nd_net_int8"))
    files = [str(tmp_path / f"{name}{suffix}") for name in ("model", "main")]
    subprocess.run([compiler, "-Wall", "-Werror", *files, "-o", str(tmp_path / "a.out")], check=True)
    done = subprocess.run([str(tmp_path / "a.out")], capture_output=True, check=True)
    assert done.stdout == content


def test_the_array_stands_beside_the_file_and_in_the_report(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    report = tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=calibration, check=check, c_array=True)
    assert report.microcontroller is not None
    assert report.microcontroller.array == tmp_path / "m.tflite.c"
    assert report.microcontroller.flash == report.size
    assert f"flash {report.size / 1024:.1f} KiB and the operators' code" in str(report)
    assert {path.name for path in tmp_path.iterdir()} == {"m.tflite", "m.tflite.c"}


def test_a_folder_in_the_arrays_place_stays_and_nothing_is_converted(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "m.tflite.c").mkdir()
    with pytest.raises(SepzooError, match=r"Received: .*m\.tflite\.c, which is a folder\."):
        tflite(model, tmp_path / "m.tflite", c_array=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite.c"]


def interpreter_that(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package in the place of TensorFlow Lite Micro's that does as said when it is asked for its allocations."""
    package = folder / "tflite_micro" / "python" / "tflite_micro"
    package.mkdir(parents=True)
    for part in (package, package.parent, package.parent.parent):
        (part / "__init__.py").write_text("")
    (package / "runtime.py").write_text(
        "class Interpreter:\n    @classmethod\n    def from_bytes(cls, content, arena_size):\n"
        f"        return cls()\n    def print_allocations(self):\n        {does}\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.parametrize(
    ("does", "arena", "note"),
    [
        ("import sys; sys.stderr.write('[R] Arena allocation total 28016 bytes\\n')", 28016, None),
        ("import sys; sys.exit(\"Didn't find op for builtin opcode 'ERF'\")", None, "TensorFlow Lite Micro has no ERF"),
        (
            "import os; os.abort()",
            None,
            "its interpreter did not take the file (signal 6, SIGABRT: it aborted itself); try another mode, or ask "
            "MicroInterpreter.arena_used_bytes() on the device",
        ),
        (
            "import sys; sys.exit('type INT16 not supported')",
            None,
            "its interpreter did not take the file (type INT16 not supported); try another mode, or ask "
            "MicroInterpreter.arena_used_bytes() on the device",
        ),
    ],
)
def test_the_arena_is_what_the_interpreter_says(
    does: str, arena: int | None, note: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter_that(does, tmp_path, monkeypatch)
    (tmp_path / "m.tflite").write_bytes(b"TFL3")
    assert arena_of(tmp_path / "m.tflite") == (arena, note)


def test_without_the_interpreter_the_arena_is_said_not_to_be_measured(
    float_file: ExportReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    file = tmp_path / "m.tflite"
    file.write_bytes(float_file.path.read_bytes())
    assert str(write_array(file)).endswith(
        "arena not measured: tflite_micro is not installed (pip install 'sepzoo[micro]')"
    )


@pytest.fixture
def runtime() -> Any:
    """TensorFlow Lite Micro's own interpreter."""
    return needed("tflite_micro.python.tflite_micro.runtime", "micro")


def test_the_arena_is_the_least_that_the_real_interpreter_takes(runtime: Any, int8_file: ExportReport) -> None:
    arena, note = arena_of(int8_file.path)
    assert note is None
    assert arena is not None
    content = int8_file.path.read_bytes()
    runtime.Interpreter.from_bytes(content, arena_size=arena + ALIGNMENT)  # where the arena begins, it doesn't choose
    with pytest.raises(RuntimeError, match="failed to allocate tensors"):
        runtime.Interpreter.from_bytes(content, arena_size=arena - ALIGNMENT)


def test_the_real_interpreter_gives_the_files_answers(runtime: Any, int8_file: ExportReport) -> None:
    opened, images = inference.open(int8_file.path), pixels(20, seed=5)
    arena, _ = arena_of(int8_file.path)
    interpreter = runtime.Interpreter.from_bytes(int8_file.path.read_bytes(), arena_size=arena + ALIGNMENT)
    found = []
    for image in images:
        interpreter.set_input(image[None], 0)
        interpreter.invoke()
        found.append(interpreter.get_output(0)[0] / np.float32(256))
    np.testing.assert_allclose(found, opened.predict(images), atol=2 / 256)  # of kernels that round in another way


def test_what_the_real_interpreter_lacks_is_said_by_name(runtime: Any, tmp_path: Path) -> None:
    source = keras.Input((4, 4, 4, 1))
    tflite(keras.Model(source, keras.layers.Conv3D(2, 3)(source)), tmp_path / "m.tflite")
    assert arena_of(tmp_path / "m.tflite") == (None, "TensorFlow Lite Micro has no CONV_3D")
