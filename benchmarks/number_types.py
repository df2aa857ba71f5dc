"""Whether a layer in the other number type pays for the operators that go from one to the other.

`python benchmarks/number_types.py` prints microseconds of each operator, one thread, from the table of this machine.
"""

from __future__ import annotations

from sepzoo.benchmark import Costs, make_operator

SHAPES = ((32, 32, 16), (16, 16, 32), (8, 8, 64))
"""Of what the stages of a ResNet8 give."""


def main() -> None:
    """Print the table."""
    kinds = {"dense 3 x 3": ("conv", 3), "1 x 1": ("conv", 1), "depthwise 3 x 3": ("depthwise", 3)}
    operators = {}
    for shape in SHAPES:
        taken = (1, *shape)
        for name, (kind, size) in kinds.items():
            filters = shape[-1] if kind == "conv" else None
            for dtype in ("float32", "int8"):
                made = make_operator(kind, taken, filters=filters, kernel_size=size, dtype=dtype)
                operators[shape, name, dtype] = made
        operators[shape, "in", ""] = make_operator("quantize", taken)
        operators[shape, "out", ""] = make_operator("dequantize", taken)
    times = dict(zip(operators, (1000 * ms for ms in Costs().ms(operators.values())), strict=True))
    print(f"{'values':14}{'layer':18}{'float32':>9}{'int8':>9}{'to int8 and back':>18}")
    for shape in SHAPES:
        between = times[shape, "in", ""] + times[shape, "out", ""]
        for name in kinds:
            one, two = (times[shape, name, dtype] for dtype in ("float32", "int8"))
            print(f"{' x '.join(map(str, shape)):14}{name:18}{one:9.2f}{two:9.2f}{between:18.2f}")


if __name__ == "__main__":
    main()
