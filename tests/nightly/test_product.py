"""Every kind of convolution in a small member of every family leaves in every format, and answers as it did.

A network that is done is a row of the record, with the relative error of each file's answers. `REMAINING=1` before the
command leaves out those that have one of the same versions: a row takes half a minute of one core or more, the whole
hours, and it goes on where it was broken off.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sepzoo.catalog.registry import find
from sepzoo.export.targets import TARGETS
from sepzoo.support.errors import SepzooError
from tests.formats import answers_as_it_did, fits, left, refusal
from tests.nightly.record import KEY, Rows, today
from tests.small import SMALL, with_kind

pytestmark = [pytest.mark.nightly, pytest.mark.usefixtures("memory")]
OWN = "own"
"""The family's own form."""
CASES = tuple(f"{family}:{kind}" for family in SMALL for kind in (OWN, *find(SMALL[family][0])[0].slots))
WIDTHS = {target: max(len(target), 7) + 2 for target in TARGETS}
COLUMNS = f"{'network':{KEY}}{'day':>12}" + "".join(f"{name:>{width}}" for name, width in WIDTHS.items())
ROWS = Rows("product", f"{COLUMNS}  {{done}} of {{all}} networks", CASES)


@pytest.mark.parametrize("case", CASES)
def test_a_network_leaves_in_every_format_and_answers_as_it_did(case: str, tmp_path: Path) -> None:
    ROWS.skip_if_done(case)
    family, kind = case.split(":")
    name, arguments = with_kind(family, None if kind == OWN else kind)
    refused = {target: words for target in TARGETS if (words := refusal(target, name))}
    wanted = [target for target in TARGETS if target not in refused and fits(target, name)]
    made = left(name, arguments, wanted, tmp_path)
    assert [report.target for report in made.reports] == wanted
    assert {each.target: each.comparison for each in made.reports if not answers_as_it_did(each, family)} == {}
    for target, words in refused.items():
        with pytest.raises(SepzooError, match=re.escape(words)):
            left(name, arguments, [target], tmp_path / "refused")
    errors = {report.target: f"{report.comparison.relative_error:.1e}" for report in made.reports}
    cells = "".join(f"{errors.get(target, '-'):>{width}}" for target, width in WIDTHS.items())
    ROWS.keep(case, f"{today():>12}{cells}")
