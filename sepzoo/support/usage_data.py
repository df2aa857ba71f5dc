"""Keeping OpenVINO and NNCF from telling their maker what they are used for."""

from __future__ import annotations

import sys

_SENDER = "openvino_telemetry"


def keep_private() -> None:
    """Let OpenVINO and NNCF find no package that sends; call it before either is imported.

    Unasked, both send to Google Analytics that they were imported and what they quantize, from a forked process, which
    may hang where JAX computes, too. Where a program has imported the sender itself, it stays.

    Example:
        >>> keep_private()
        >>> "openvino_telemetry" in sys.modules
        True
    """
    sys.modules.setdefault(_SENDER, None)  # type: ignore[arg-type]  # by None Python finds no module
