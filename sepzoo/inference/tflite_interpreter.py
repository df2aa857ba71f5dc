"""LiteRT's interpreter, without what it prints."""

from __future__ import annotations

import warnings

from ai_edge_litert.interpreter import Interpreter

from sepzoo.support.quiet import quiet


def open_interpreter(content: bytes, threads: int = 1, *, keep_all: bool = False) -> Interpreter:
    """Return an interpreter that holds a file and has its memory.

    Args:
        content: the file.
        threads: that it may use.
        keep_all: whether every tensor can be read after a run; then no delegate takes the operators, which is slow.

    Raises:
        ValueError, RuntimeError: LiteRT can't read the file, or lacks an operator.
    """
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = Interpreter(
            model_content=content, num_threads=threads, experimental_preserve_all_tensors=keep_all
        )
        interpreter.allocate_tensors()
    return interpreter
