"""How far the outputs of model files are from those of a reference file, on photographs.

`python benchmarks/agreement.py zero_to_one PHOTOGRAPHS REFERENCE FILE …` prints, for each file, the largest difference
of a probability and the share of photographs with the same answer. The first word says how pixels become the input.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sepzoo import inference
from sepzoo.cli.description import parse_preprocessing
from sepzoo.support.table import table


def main() -> None:
    """Print the table."""
    words, folder, reference, *files = sys.argv[1:]
    photographs = sorted(Path(folder).iterdir())
    preprocessing = parse_preprocessing(words)
    right = inference.open(reference, preprocessing=preprocessing).predict(photographs)
    rows = []
    for file in files:
        found = inference.open(file, preprocessing=preprocessing).predict(photographs)
        same = (found.argmax(axis=1) == right.argmax(axis=1)).mean()
        rows.append([Path(file).name, f"{abs(found - right).max():.1e}", f"{same:.3f}"])
    print(table(["file", "largest difference", "same answer"], rows))


if __name__ == "__main__":
    main()
