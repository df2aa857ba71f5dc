"""What each rule is expected to keep on the same choices: the solver, other rules, and the solver with one technique.

    python training/shrinking_rules.py SCORES

`SCORES` is a file that `sepzoo shrink --scores` wrote. Nothing is built; the figures are expected divergences in nats.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from pathlib import Path

import sepzoo
from sepzoo.shrinking.choosing import Chooser, Whole, is_of
from sepzoo.shrinking.scores import Scores
from sepzoo.shrinking.settings import BEST, RULES

SHARES = (0.75, 0.5, 0.35, 0.25)
"""Of the network's multiply-accumulates."""


def expected(chooser: Chooser, limit: float) -> str:
    """Return what the answers of a choice are expected to diverge by; nothing where no choice keeps the limit."""
    try:
        return f"{chooser.proposals({'macs': limit}, ())[0][1].expected:.3f}"
    except sepzoo.SepzooError:
        return ""


def main() -> None:
    """Print a row for each rule."""
    path = Path(sys.argv[1])
    scores = Scores.load(path, json.loads(path.read_text(encoding="utf-8"))["key"])
    assert scores is not None
    chooser = Chooser(scores, {"macs": Whole(1.0, scores.fixed_macs)})
    rows = {rule: dataclasses.replace(chooser, rule=rule) for rule in (BEST, *RULES)}
    for technique in scores.techniques:
        rows[technique] = dataclasses.replace(chooser, allowed=functools.partial(is_of, (technique,)))
    print(f"{'':12}" + "".join(f"{share:>8.0%}" for share in SHARES))
    for name, each in rows.items():
        found = (expected(each, share * scores.macs) for share in SHARES)
        print(f"{name:12}" + "".join(f"{figure:>8}" for figure in found), flush=True)


if __name__ == "__main__":
    main()
