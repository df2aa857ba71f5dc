"""Series out of files: what was written comes back, and what is no such file is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepzoo.data.series import names_series, read_series
from sepzoo.inference import feature_samples
from sepzoo.support.errors import SepzooError

CLASSES = ("10", "9", "no", "Yes")
HEADER = "# a comment\n@problemName Made\n@classLabel true 10 9 no Yes\n@data\n"
NUMBERS = st.floats(-1e6, 1e6, width=32)


@st.composite
def sets(draw: st.DrawFn) -> list[tuple[np.ndarray, str]]:
    channels = draw(st.integers(1, 3))
    shapes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    return [
        (
            np.array(draw(st.lists(NUMBERS, min_size=n * channels, max_size=n * channels)), "float32").reshape(n, -1),
            draw(st.sampled_from(CLASSES)),
        )
        for n in shapes
    ]


def as_ts(series: list[tuple[np.ndarray, str]]) -> str:
    lines = [":".join([*(",".join(map(str, channel.tolist())) for channel in x.T), label]) for x, label in series]
    return HEADER + "\n".join(lines) + "\n"


def as_csv(series: list[tuple[np.ndarray, str]]) -> str:
    header = ",".join(["series", "label", *(f"c{c}" for c in range(series[0][0].shape[1]))])
    rows = [",".join([f"s{n}", label, *map(str, step)]) for n, (x, label) in enumerate(series) for step in x.tolist()]
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("series")


@given(series=sets())
def test_what_was_written_comes_back(folder: Path, series: list[tuple[np.ndarray, str]]) -> None:
    steps = max(len(x) for x, _ in series)
    for suffix, text in ((".ts", as_ts(series)), (".csv", as_csv(series))):
        path = folder / f"made{suffix}"
        path.write_text(text, encoding="utf-8")
        assert names_series(path)
        found = feature_samples(path, steps=steps)
        assert found.images.dtype == np.float32
        assert found.images.shape == (len(series), steps, series[0][0].shape[1])
        for row, (x, _) in zip(found.images, series, strict=True):
            np.testing.assert_array_equal(row[: len(x)], x)
            assert not row[len(x) :].any()
        assert found.labels is not None
        assert found.class_names is not None
        assert [found.class_names[label] for label in found.labels] == [label for _, label in series]
        if suffix == ".ts":
            assert found.class_names == CLASSES  # also those that this file has no series of


def test_series_without_classes(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("@classLabel false\n@DATA\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("series,x\na,1\na,2\nb,3\nb,4\n")
    for name in ("a.ts", "b.csv"):
        found = read_series(tmp_path / name)
        assert found.images.tolist() == [[[1.0], [2.0]], [[3.0], [4.0]]]
        assert found.labels is None
        assert found.class_names is None


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.ts", "@data\n1,2\n3\n", "a.ts: expected series of one length. Received: 1 … 2 steps. Pad them with zeros"),
        ("a.ts", "@classLabel true a b\n1,2:a\n", "line 2: expected a line of the header, @key value, and @data befor"),
        ("a.ts", "@classLabel true a b\n", "a.ts: expected a .ts file with a line @data. Received: none."),
        ("a.ts", "@classLabel true a b\n@data\n1,2:c\n", "line 3: expected one of the classes a, b at the end. Rec"),
        ("a.ts", "@classLabel true a\n@data\n1:a\n", "expected two classes or more after @classLabel true. Received"),
        ("a.ts", "@data\n1,2:3\n", "line 2: expected channels of one length. Received: 2 of [1, 2] steps."),
        ("a.ts", "@data\n1,?,2\n", "line 2: expected numbers. Received: ?. Fill what is missing."),
        ("a.ts", "@data\n1,,2\n", "line 2: expected numbers. Received: an empty cell. Fill what is missing."),
        ("a.ts", "@data\n1,nan\n", "line 2: expected numbers. Received: nan. Fill what is missing."),
        ("a.ts", "@data\n1,1e300\n", "line 2: expected numbers. Received: 1e300. Fill what is missing."),
        ("a.ts", "@data\n1:2\n1\n", "a.ts: expected series of as many channels each. Received: 1 … 2."),
        ("a.ts", "@data\n", "a.ts: expected series of as many channels each. Received: no series."),
        ("a.ts", "@targetLabel true\n@data\n1:2\n", "expected series with classes or without. Received: targetlabel t"),
        ("a.ts", b"\xff\xfe\x00", "a.ts: expected UTF-8 text. Received: other bytes."),
        ("a.ts", None, "a.ts: expected a file of series. Received: no such file."),
        ("a.csv", "series,label\na,b\n", "expected columns series, label and one for each channel, each once. Receive"),
        ("a.csv", "series,x,x\na,1,2\n", "each once. Received: series, x, x."),
        ("a.csv", "series,x\na,1,2\n", "a.csv, row 2: expected 2 cells. Received: 3."),
        ("a.csv", "series,x\na,one\n", "a.csv, row 2: expected numbers. Received: one."),
        pytest.param("a.csv", f"series,x\na,{'1' * 131_073}\n", "expected a CSV file of series. Received: field lar",
                     id="a cell too long"),
        ("a.csv", "series,label,x\na,b,1\na,c,1\n", "row 3: expected one class for all steps of series a. Received: b"),
        ("a.csv", "series,label,x\na,b,1\nb,c,1\nb,c,1\n", "a.csv: expected series of one length. Received: 1 … 2 ste"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said(tmp_path: Path, name: str, content: str | bytes | None, text: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SepzooError) as raised:
        read_series(tmp_path / name)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / name))


def test_series_that_are_too_long_to_be_padded(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("@data\n1,2\n3\n")
    assert read_series(tmp_path / "a.ts", steps=3).images[1].tolist() == [[3.0], [0.0], [0.0]]
    with pytest.raises(SepzooError, match=r"a\.ts: expected series of at most 1 steps\. Received: one of 2\."):
        read_series(tmp_path / "a.ts", steps=1)
