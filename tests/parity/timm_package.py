"""timm, imported without the compiled half of torchvision."""

from __future__ import annotations

from tests.extras import needed

torch = needed("torch", "parity")
try:
    import torchvision  # noqa: F401
except RuntimeError:  # a torchvision for CUDA beside a torch without: the operators that it describes are not there
    _operators = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _operators.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
except ImportError:
    pass

timm = needed("timm", "parity")
