from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import sepzoo
from sepzoo.artifact.inspection import checking
from sepzoo.cli.app import COMMANDS
from tests.cli.conftest import Command
from tests.command import PROGRAM, run_command


def test_alone_it_shows_its_commands(command: Command) -> None:
    outcome = command()
    assert outcome.code == 0
    assert [name for name in COMMANDS if name in outcome.out] == list(COMMANDS)
    assert len(COMMANDS) == 18


def test_version(command: Command) -> None:
    assert command("--version").out == f"{sepzoo.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example(command: Command, name: str) -> None:
    outcome = command(name, "--help")
    assert outcome.code == 0
    assert f"Example: sepzoo {name}" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "error: No such command 'lst'. Did you mean 'list'?"),
        (["card"], "error: Missing argument 'NAME'."),
        (["list", "--famly", "x"], "error: No such option: --famly (Possible options: --family)"),
        (["classify", "a.tflite", "a.png", "--top", "0"], "error: Invalid value for '--top': "),
        (["card", "mobilenetv1"], "error: unknown model 'mobilenetv1'. Did you mean mobilenet_v1, "),
        (["classify", "a.tflite", "a.png"], "error: a.tflite: no such file."),
        (["evaluate", "pyproject.tom", "--data", "digits"], "error: pyproject.tom: no such file."),
        (["train", "digit"], "error: unknown recipe 'digit'. Did you mean digits?"),
        (["export", "none.keras", "--to", "xla"], "error: expected a model file. Received: none.keras, which does not"),
    ],
)
def test_a_users_mistake_is_one_line_and_code_2(command: Command, arguments: list[str], message: str) -> None:
    outcome = command(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1


MISSING, UNKNOWN = "expected a model file. Received: none.keras, which does not exist.", "unknown model 'mobilnet'."


@pytest.mark.parametrize(
    "line",
    [
        ["profile", "MODEL"],
        ["analyse", "MODEL"],
        ["export", "MODEL", "--to", "xla"],
        ["rewrite", "MODEL", "--fold", "--out", "new.keras"],
        ["compress", "MODEL", "--prune-channels", "macs=0.5", "--out", "new.keras"],
        ["shrink", "MODEL", "--macs", "50%", "--data", "digits", "--out", "new.tflite"],
        ["build", "MODEL", "--out", "new.keras"],
        ["evaluate", "MODEL", "--data", "digits"],
    ],
    ids=lambda line: line[0],
)
def test_a_network_that_is_not_there_is_said_before_keras_is_loaded(line: list[str]) -> None:
    named = {"mobilnet": UNKNOWN}
    if line[0] not in ("build", "evaluate"):  # one takes names alone, the other files of any format
        named["none.keras"] = MISSING
    for name, message in named.items():
        arguments = [name if each == "MODEL" else each for each in line]
        assert_said_without_keras(arguments, message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("export mobilenet_v1 --to tflite:int9", "unknown target 'tflite:int9'. Did you mean tflite:int8, "),
        ("export mobilenet_v1 --to all,xla", "expected all alone, or names of formats. Received: all,xla."),
        ("export mobilenet_v1 --to tflite:int8 --edges int4", "unknown type at the edges 'int4'. "),
        ("export mobilenet_v1 --to xla --labels none.txt", "expected a text file with one class name a line. "),
        ("export mobilenet_v1 --to xla --preprocessing caffee", "unknown preprocessing 'caffee'. Did you mean caffe"),
        ("export mobilenet_v1 --to xla --output-kind softmx", "unknown kind of output 'softmx'. Did you mean softmax"),
        ("shrink mobilenet_v1 --macs half", "expected --macs such as 50% or 6000000. Received: 'half'."),
        ("shrink mobilenet_v1 --macs 50% --techniques prune", "unknown technique 'prune'. "),
        ("shrink mobilenet_v1 --macs 50% --runtime onnx", "unknown runtime 'onnx'. "),
        ("shrink mobilenet_v1 --macs 50% --rule best_of_all", "unknown rule 'best_of_all'. "),
        ("shrink mobilenet_v1 --macs 50% --preprocessing caffee", "unknown preprocessing 'caffee'. "),
        ("rewrite mobilenet_v1 --blueprint --fold --p 0.5 --preprocessing caffee", "unknown preprocessing 'caffee'. "),
        ("rewrite mobilenet_v1 --fold --p 0.5", "expected --p beside --blueprint. Received: --p alone. "),
        (
            "compress mobilenet_v1 --prune-channels macs=0.5 --labels none.txt",
            "expected a text file with one class name a line. ",
        ),
    ],
)
def test_a_misspelt_option_is_said_before_keras_is_loaded(line: str, message: str, tmp_path: Path) -> None:
    command, *rest = line.split()
    more = {"shrink": ["--data", "digits", "--out", tmp_path / "new.tflite"], "export": []}
    assert_said_without_keras([command, *rest, *more.get(command, ["--out", tmp_path / "new.keras"])], message)


def assert_said_without_keras(arguments: list[str], message: str) -> None:
    """Run a command where Keras can't be imported; it ends with one line."""
    outcome = run_command(*arguments, before="import sys; sys.modules['keras'] = sys.modules['tensorflow'] = None")
    assert outcome.stderr.startswith(f"error: {message}"), outcome.stderr
    assert (outcome.returncode, outcome.stderr.count("\n")) == (2, 1)


def test_an_operating_systems_refusal_is_one_line(command: Command, small_files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "file" / "in"
    folder.parent.write_text("")
    outcome = command("export", small_files / "small.keras", "--to", "tflite:float32", "--out", folder)
    assert outcome.code == 2
    reason = r"expected a folder that can be written to\. Received: .*/file \(Not a directory\)\. Name another one\."
    assert re.fullmatch(rf"error: {reason}\n", outcome.err)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("sepzoo.catalog.patterns.matching", broken)
    with pytest.raises(ZeroDivisionError):
        command("list")


def test_interrupted_in_this_process(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    def interrupted(*arguments: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sepzoo.catalog.patterns.matching", interrupted)
    outcome = command("list")
    assert (outcome.code, outcome.err) == (130, "interrupted\n")


def test_warnings_and_log_are_one_line_each(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    def talkative(*arguments: Any, **more: Any) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("left one out", UserWarning, stacklevel=1)
        logging.getLogger("sepzoo").warning("3 layers kept their weights")
        return ["mobilenet_v1"]

    monkeypatch.setattr("sepzoo.catalog.patterns.matching", talkative)
    outcome = command("list")
    assert outcome.code == 0
    assert outcome.err == "warning: left one out\n3 layers kept their weights\n"
    assert logging.getLogger("sepzoo").handlers == []


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    reader = "import sys; sys.stdin.readline()"
    listing = f'"{sys.executable}" -c "{PROGRAM}" list --json'
    done = subprocess.run(
        ["bash", "-c", f"{listing} | \"{sys.executable}\" -c '{reader}'"], capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_ctrl_c_stops_a_training_cleanly_and_the_same_command_goes_on(tmp_path: Path) -> None:
    # eight epochs: long enough to be stopped in the middle
    arguments = ["train", "digits", "--set", "epochs=8", "--set", "export=[]", "--out", "run"]
    # a shell's background job, in which CI may run, is born deaf to the signal
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    line = [sys.executable, "-c", heard + PROGRAM, *arguments]
    with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "epoch 1/8" not in said:
            said += process.stderr.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.endswith("interrupted\n")
    assert "Traceback" not in rest
    resumed = run_command(*arguments, cwd=tmp_path)
    assert resumed.returncode == 0
    assert "resumed after epoch" in resumed.stderr


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", rb"caf\xe9 \u8336 \x1b[31m \udce9"), ("iso-8859-1", b"caf\xe9 " + rb"\u8336 \x1b[31m \udce9")],
)
def test_a_label_that_a_terminal_cannot_show_is_written_out(encoding: str, shown: bytes) -> None:
    program = """
import importlib
app = importlib.import_module("sepzoo.cli.app")
from sepzoo.support.table import table
app._run = lambda _: print(table(["label"], [["caf\\xe9 \\u8336 \\x1b[31m \\udce9"]]))
app.main([])
"""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout == b"label\n" + shown + b"\n"


def test_errors_hold_nothing_that_steers_a_terminal(tmp_path: Path) -> None:
    done = run_command("classify", tmp_path / "\x1b[31mred.keras", tmp_path / "none.png")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "\\x1b[31mred.keras" in done.stderr


@pytest.mark.parametrize(
    ("line", "count"), [(["profile"], 1), (["--trust", "profile"], 0), (["inspect"], 1)], ids=lambda value: str(value)
)
def test_a_model_s_file_is_read_by_one_process_before_the_command_loads_it(
    command: Command, small_files: Path, monkeypatch: pytest.MonkeyPatch, line: list[str], count: int
) -> None:
    started = []
    begin = checking._started
    monkeypatch.setattr(checking, "_started", lambda: started.append(1) or begin())
    monkeypatch.setattr(checking, "is_known", lambda path: False)  # as a file that another process wrote
    assert command(*line, str(small_files / "small.keras")).code == 0
    assert len(started) == count


def test_help_names_all_choices(command: Command) -> None:
    from sepzoo.export import TARGETS
    from sepzoo.layers import PRESETS
    from sepzoo.training import list_recipes

    known = {"train": list_recipes(), "export": TARGETS, "rewrite": PRESETS, "list": [*PRESETS, "own"]}
    for name, choices in known.items():
        shown = re.sub(r"[\s│|]+", "", command(name, "--help").out)
        assert [choice for choice in choices if choice not in shown] == []
