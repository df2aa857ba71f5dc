"""Files of networks that differ from stock Keras by the orthonormal penalty alone: without it they open anywhere.

The penalty acts in training, and is a class of ours: a file that names it opens only where `sepzoo` is imported.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from sepzoo.support.types import Json

_PENALTY = "sepzoo>OrthonormalRegularizer"
_MODEL = "sepzoo>OrthonormalModel"
_CONFIG = "config.json"
_STOCK_MODEL = {
    "module": "keras.src.models.functional",
    "class_name": "Functional",
    "registered_name": "Functional",
}
"""What Keras itself writes of a functional model."""


def leave_penalties_out(path: Path) -> bool:
    """Take the orthonormal penalty out of a `.keras` file, if nothing of ours is left in it then, and return whether.

    The penalty that was added to it, such as a weight decay, stays. A file that has layers of ours stays as it is.

    Args:
        path: of the file, in a folder where another one may stand beside it meanwhile.

    Example:
        >>> import tempfile, keras
        >>> from sepzoo.layers import OrthonormalRegularizer
        >>> dense = keras.layers.Dense(2, kernel_regularizer=OrthonormalRegularizer())
        >>> path = Path(tempfile.mkdtemp()) / "tiny.keras"
        >>> keras.Sequential([keras.Input((4,)), dense]).save(path)
        >>> leave_penalties_out(path)
        True
        >>> keras.saving.load_model(path).layers[0].kernel_regularizer is None
        True
    """
    with zipfile.ZipFile(path) as archive:
        text = archive.read(_CONFIG)
    if _PENALTY.encode() not in text:
        return False
    config = _plain(json.loads(text))
    if _is_ours(config):
        return False
    whole = path.with_name(f"whole_{path.name}")
    path.rename(whole)
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w") as plain:
        for member in archive.infolist():
            if member.filename == _CONFIG:
                plain.writestr(member, json.dumps(config))
                continue
            with archive.open(member) as source, plain.open(member, "w") as target:
                while block := source.read(1 << 20):
                    target.write(block)
    whole.unlink()
    return True


def _plain(value: Json) -> Json:
    """Return a configuration without the penalty, at any depth, and with Keras's own class of functional models."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("registered_name") == _PENALTY:
        return _plain(value["config"]["plus"])
    stock = _STOCK_MODEL if value.get("registered_name") == _MODEL else {}
    return {**{key: _plain(each) for key, each in value.items()}, **stock}


def _is_ours(value: Json) -> bool:
    """Return whether a configuration names a class or a function of ours."""
    if isinstance(value, list | dict):
        return any(map(_is_ours, value if isinstance(value, list) else value.values()))
    return isinstance(value, str) and value.startswith("sepzoo>")
