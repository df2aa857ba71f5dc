"""`.tflite` files: real ones, damaged ones, and the arithmetic of their integers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sepzoo import inference
from sepzoo.export.formats import tflite_converter
from sepzoo.inference.tflite_file import Quantization
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import quiet
from tests.inference.test_outputs import CERTAIN, UNCERTAIN, model_of, values


@pytest.fixture(scope="module")
def quantized(shared: Path) -> Path:
    """A public MobileNetV2, uint8 in and out, whose 1001 classes begin with `background`."""
    return shared / "weights" / "tf2_mobilenet_v2_1.0_224_ptq.tflite"


@pytest.fixture(scope="module")
def person(shared: Path) -> Path:
    """A public person detector, float32, of free batch, without any metadata."""
    return shared / "weights" / "vww_96_float.tflite"


@pytest.fixture(scope="module")
def photographs(shared: Path) -> list[Path]:
    return sorted((shared / "data" / "imagenet_sample" / "images").iterdir())[::10]


def test_a_public_file_classifies_photographs_from_the_file_alone(quantized: Path, photographs: list[Path]) -> None:
    opened = inference.open(quantized)
    assert (opened.input_shape, opened.classes) == ((224, 224, 3), 1001)
    probabilities = opened.predict(photographs)
    right = probabilities.argmax(axis=1) - 1 == [int(path.name[:4]) for path in photographs]
    assert right.mean() >= 0.7
    assert opened.top(probabilities[:1], k=1)[0][0].label == "tench, Tinca tinca"


def test_a_free_batch_gives_what_single_images_give(person: Path, photographs: list[Path]) -> None:
    opened = inference.open(person, labels=["nobody", "person"], preprocessing=Preprocessing((0.0,), (255.0,)))
    together = opened.predict(photographs[:5])
    assert together.shape == (5, 2)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    singly = np.concatenate([opened.predict([photograph]) for photograph in photographs[:5]])
    np.testing.assert_allclose(together, singly, atol=1e-6)


def test_a_float_file_without_metadata_asks_for_preprocessing(person: Path) -> None:
    opened = inference.open(person)
    assert (opened.labels, opened.preprocessing) == (None, None)
    with pytest.raises(SepzooError, match="expected a file that says how pixels become its input"):
        opened.predict(np.zeros((1, 96, 96, 3), np.uint8))


def test_neither_tensorflow_nor_keras_is_imported_and_nothing_is_printed(
    quantized: Path, photographs: list[Path]
) -> None:
    code = (
        "import sys; from sepzoo import inference; opened = inference.open(sys.argv[1]);"
        "opened.top(opened.predict(sys.argv[2:]));"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(quantized), str(photographs[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_damaged(quantized: Path, tmp_path: Path, share: float) -> None:
    content = quantized.read_bytes()
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SepzooError, match=r"cut\.tflite: expected a TFLite file\. Received: a damaged one \("):
        inference.open(cut)


def test_pixels_pass_as_they_are_where_the_input_is_their_range() -> None:
    half_a_step_off = Quantization(scale=1 / 127.5, zero_point=127, dtype=np.uint8)
    np.testing.assert_array_equal(
        half_a_step_off.pixel_table(Preprocessing(), 3), np.repeat(np.arange(256), 3).reshape(-1, 3)
    )
    signed = Quantization(scale=1 / 127.5, zero_point=-1, dtype=np.int8)
    np.testing.assert_array_equal(signed.pixel_table(Preprocessing(), 1)[:, 0], np.arange(-128, 128))


def test_other_ranges_are_rounded_channel_by_channel() -> None:
    quantization = Quantization(scale=0.02, zero_point=100, dtype=np.uint8)
    preprocessing = Preprocessing(mean=(120.0, 110.0), std=(60.0, 50.0))
    table = quantization.pixel_table(preprocessing, 2)
    for pixel in (0, 77, 255):
        expected = [np.clip(np.round((pixel - m) / s / 0.02 + 100), 0, 255) for m, s in ((120, 60), (110, 50))]
        assert table[pixel].tolist() == expected


@given(some.floats(1e-3, 10), some.integers(-128, 127), some.lists(some.floats(-3, 3), min_size=1, max_size=20))
def test_dequantizing_comes_back_to_half_a_step(scale: float, zero_point: int, values: list[float]) -> None:
    quantization = Quantization(scale, zero_point, np.int8)
    low, high = quantization.dequantize(np.array([-128, 127]))
    there_and_back = quantization.dequantize(quantization.quantize(np.array(values)))
    np.testing.assert_allclose(there_and_back, np.clip(values, low, high), atol=scale * 0.501 + 1e-5)


FUZZ = """
import pathlib, random, sys, numpy as np
from sepzoo import inference
from sepzoo.support.errors import SepzooError
whole, target, chance = pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2]), random.Random(4)
refused = 0
for number in range(80):
    damaged = bytearray(whole)
    place = chance.randrange(6000 if number % 2 else len(whole))
    damaged[place] ^= 1 << chance.randrange(8)
    target.write_bytes(damaged)
    try:
        opened = inference.open(target)
        opened.predict(np.zeros((1, *opened.input_shape), np.uint8))
    except SepzooError as error:
        assert len(str(error).splitlines()) == 1
        refused += 1
print(refused)
"""


@pytest.mark.slow
def test_flipped_bits_are_answered_or_refused_and_never_a_traceback(quantized: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FUZZ, str(quantized), str(tmp_path / "damaged.tflite")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < 80


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CERTAIN, *UNCERTAIN])
def test_a_file_without_metadata_shows_by_its_operators_what_it_gives(name: str, tmp_path: Path) -> None:
    model = model_of(CERTAIN[name][0] if name in CERTAIN else UNCERTAIN[name])
    with quiet():
        tflite_converter.save(model, tmp_path / "saved")
        (tmp_path / "m.tflite").write_bytes(tflite_converter.floats(tmp_path / "saved"))
    opened = inference.open(tmp_path / "m.tflite")
    certain = {CERTAIN[name][1]} if name in CERTAIN else {"values"}
    assert opened.output.kind in (certain | {"values"} if "average" in name else certain)
    raw = opened.run(opened.encode(values()))
    np.testing.assert_allclose(raw, model.predict(values(), verbose=0), atol=1e-5)


def test_a_segmentation_is_a_map_and_no_classifier(tmp_path: Path) -> None:
    import keras

    source = keras.Input((9, 9, 3))
    model = keras.Model(source, keras.layers.Conv2D(4, 1, activation="softmax")(source))
    with quiet():
        tflite_converter.save(model, tmp_path / "saved")
        (tmp_path / "m.tflite").write_bytes(tflite_converter.floats(tmp_path / "saved"))
    opened = inference.open(tmp_path / "m.tflite")
    assert (opened.output.kind, opened.classes) == ("map", 4)
    with pytest.raises(
        SepzooError, match=r"expected class scores\. Received: outputs of shape \(9, 9, 4\), taken for a"
    ):
        opened.require_scores()
