"""A `.tflite` file for microcontrollers: as a C array, with the memory that it takes."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from sepzoo.support.atomic import atomic_write
from sepzoo.support.exit_status import why_ended

SUFFIX = ".c"
"""What the C array's name has behind that of the file."""

_INTERPRETER = "tflite_micro"
_INSTALL = "pip install 'sepzoo[micro]'"
_ELSEWHERE = "try another mode, or ask MicroInterpreter.arena_used_bytes() on the device"
_PROGRAM = """
import sys
from tflite_micro.python.tflite_micro import runtime
with open(sys.argv[1], "rb") as file:
    interpreter = runtime.Interpreter.from_bytes(file.read(), arena_size=int(sys.argv[2]))
interpreter.print_allocations()
"""
_TOTAL = re.compile(r"Arena allocation total (\d+) bytes")
_LACKING = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_MOST = 256 * 2**20
_SECONDS = 120
_BYTES_A_LINE = 16


@dataclasses.dataclass(frozen=True)
class Microcontroller:
    """What a network takes on a microcontroller.

    Attributes:
        array: the C file.
        flash: bytes of the array; the code of the operators comes on top.
        arena: bytes of working memory that TensorFlow Lite Micro's interpreter allocates; None: not measured.
        note: why it was not measured; None where it was.
    """

    array: Path
    flash: int
    arena: int | None
    note: str | None

    def __str__(self) -> str:
        arena = f"not measured: {self.note}" if self.arena is None else f"{self.arena / 1024:.1f} KiB"
        return f"{self.array}, flash {self.flash / 1024:.1f} KiB and the operators' code, arena {arena}"


def array_path(file: Path) -> Path:
    """Return where the C array of a file goes: beside it.

    Example:
        >>> array_path(Path("exported/net_int8.tflite")).name
        'net_int8.tflite.c'
    """
    return file.with_name(file.name + SUFFIX)


def write_array(file: Path) -> Microcontroller:
    """Write a file as a C array beside it, and measure what it takes.

    Args:
        file: a `.tflite` file.
    """
    content, path = file.read_bytes(), array_path(file)
    with atomic_write(path) as temporary:
        temporary.write_text(c_source(content, file.stem), encoding="utf-8")
    arena, note = arena_of(file)
    return Microcontroller(path, len(content), arena, note)


def c_source(content: bytes, name: str) -> str:
    """Return bytes as a C source file that C and C++ compilers take: an array aligned to 16, and its length.

    Args:
        content: the bytes.
        name: of the array; what no identifier has becomes `_`.

    Example:
        >>> print(c_source(bytes([84, 70, 76, 51]), "net-int8").splitlines()[-4])
        const unsigned char net_int8[] = {
    """
    identifier = re.sub(r"\W", "_", name, flags=re.ASCII)
    identifier = f"_{identifier}" if identifier[:1].isdigit() or not identifier else identifier
    lines = [
        "    " + " ".join(f"0x{byte:02x}," for byte in content[start : start + _BYTES_A_LINE])
        for start in range(0, len(content), _BYTES_A_LINE)
    ]
    return "\n".join(
        [
            "/* A TensorFlow Lite model: its bytes, and how many they are. */",
            "#ifdef __cplusplus",
            'extern "C" {',
            f"extern const unsigned char {identifier}[];",
            f"extern const unsigned int {identifier}_len;",
            "}",
            "alignas(16)",
            "#else",
            "_Alignas(16)",
            "#endif",
            f"const unsigned char {identifier}[] = {{",
            *lines,
            "};",
            f"const unsigned int {identifier}_len = {len(content)};",
            "",
        ]
    )


def arena_of(file: Path) -> tuple[int | None, str | None]:
    """Return the bytes that TensorFlow Lite Micro's interpreter allocates for a file, or why that isn't known.

    It runs in a process of its own: a file that it can't hold ends it.
    """
    if importlib.util.find_spec(_INTERPRETER) is None:
        return None, f"tflite_micro is not installed ({_INSTALL})"
    command = [sys.executable, "-c", _PROGRAM, str(file), str(_MOST)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None, "its interpreter did not answer"
    words = (done.stdout + done.stderr).decode(errors="replace")
    total, lacking = _TOTAL.search(words), _LACKING.search(words)
    if lacking:
        return None, f"TensorFlow Lite Micro has no {lacking[1]}"
    if total is None:
        why = why_ended(done.returncode, done.stderr.decode(errors="replace"))
        return None, f"its interpreter did not take the file ({why}); {_ELSEWHERE}"
    return int(total[1]), None
