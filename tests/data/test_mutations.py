"""Seeded mutations of pictures and label files: each ends in one line or in a right result, in bounded memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PICTURES = {
    "jpeg": ("JPEG", "RGB"),
    "jpeg-cmyk": ("JPEG", "CMYK"),
    "png": ("PNG", "RGB"),
    "png-16": ("PNG", "I;16"),
    "png-palette": ("PNG", "P"),
    "tiff": ("TIFF", "RGB"),
    "webp": ("WEBP", "RGB"),
    "gif": ("GIF", "P"),
}


def read_mutated(kind: str, file: Path, count: int, first: int = 0) -> list[tuple[int, object, float]]:
    """Return (seed, answer or None, seconds) of each mutation of a file, read in a process of limited memory."""
    program = Path(__file__).with_name("mutations.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), kind, str(file), str(first), str(count)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [tuple(result) for result in json.loads(done.stdout)]


def smooth() -> np.ndarray:
    rows, columns = np.mgrid[:48, :40]
    return np.stack([rows * 5, columns * 6, rows + columns], axis=-1).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("form", PICTURES)
def test_mutated_pictures_end_in_one_line_or_a_picture(form: str, tmp_path: Path) -> None:
    name, mode = PICTURES[form]
    wide = Image.fromarray(smooth()[..., 0].astype(np.uint16) * 257)
    picture = wide if mode == "I;16" else Image.fromarray(smooth()).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "whole", name, **({} if name == "GIF" else {"exif": exif}))
    results = read_mutated("picture", tmp_path / "whole", 50)
    assert [seed for seed, *_ in results] == list(range(50))
    assert any(result is None for _, result, _ in results)


def test_a_mutated_png_is_refused_or_shows_the_same(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "whole.png")
    results = read_mutated("picture", tmp_path / "whole.png", 200)
    accepted = {result for _, result, _ in results if result is not None}
    assert accepted == {hashlib.sha256(smooth()).hexdigest()}


def test_a_mutated_jpeg_is_refused_or_shows_what_tensorflow_sees(tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.data.mutations import mutated

    Image.fromarray(smooth()).save(tmp_path / "whole.jpg")
    content, seen = (tmp_path / "whole.jpg").read_bytes(), 0
    for seed, result, _ in read_mutated("picture", tmp_path / "whole.jpg", 50):
        try:
            changed = mutated(content, np.random.default_rng(seed))
            theirs = tf.io.decode_jpeg(changed, channels=3, dct_method="INTEGER_ACCURATE")
        except tf.errors.InvalidArgumentError:  # TensorFlow refuses a little more
            continue
        if result is not None:
            seen += 1
            assert result == hashlib.sha256(np.ascontiguousarray(theirs.numpy())).hexdigest()
    assert seen > 5


def test_mutated_label_files_end_in_one_line_or_in_the_lines_that_python_reads(tmp_path: Path) -> None:
    from tests.data.mutations import mutated

    for encoding in ("utf-8", "utf-16"):
        content = "katze\r\nlöwe\r\n茶\r\n\r\nant bear".encode(encoding)
        (tmp_path / "labels.txt").write_bytes(content)
        for seed, result, _ in read_mutated("labels", tmp_path / "labels.txt", 50):
            if result is not None:
                changed = mutated(content, np.random.default_rng(seed))
                wide = changed[:2] in (b"\xff\xfe", b"\xfe\xff")
                text = changed.decode("utf-16" if wide else "utf-8-sig")
                lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
                assert result == [line.strip() for line in lines if line.strip()]
