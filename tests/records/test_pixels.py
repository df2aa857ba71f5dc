"""Pixels of every form, against files written byte by byte and values by NumPy."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo.data import read_image
from sepzoo.records.pixels import from_array, in_channels, upright
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

WHOLE = Preprocessing(crop_fraction=1.0)


def png(pixels: np.ndarray) -> bytes:
    """Return 16-bit grey as the bytes of a PNG."""
    height, width = pixels.shape

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(pixels: np.ndarray, *, order: str, inverted: bool = False) -> bytes:
    """Return grey pixels as the bytes of an uncompressed TIFF in one byte order, `<` or `>`."""
    height, width = pixels.shape
    content = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    entries = {
        256: width,
        257: height,
        258: pixels.dtype.itemsize * 8,
        259: 1,
        262: 0 if inverted else 1,
        273: 8,
        277: 1,
        278: height,
        279: len(content),
        339: kind,
    }
    table = struct.pack(f"{order}H", len(entries))
    for tag, value in entries.items():
        table += struct.pack(f"{order}HHII", tag, 4, 1, value)
    start = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(content))
    return start + content + table + struct.pack(f"{order}I", 0)


def spread(dtype: str) -> np.ndarray:
    """Return 15 numbers from 0 to the largest of a type, as a picture."""
    top = np.iinfo(dtype).max
    return np.linspace(0, top, 15).round().clip(0, top).astype(dtype).reshape(3, 5)


WIDE = {
    "16-bit PNG": (png(spread("uint16")), spread("uint16")),
    "16-bit PGM": (b"P5 5 3 65535\n" + spread("uint16").astype(">u2").tobytes(), spread("uint16")),
    **{
        f"{dtype} TIFF {order}": (tiff(spread(dtype), order=order), spread(dtype))
        for dtype in ("uint16", "int16", "int32")
        for order in "<>"
    },
    "uint32 TIFF <": (tiff(spread("uint32"), order="<"), spread("uint32")),
    "inverted TIFF": (tiff(spread("uint16"), order="<", inverted=True), 65535 - spread("uint16")),
}


@pytest.mark.parametrize("form", WIDE)
def test_wide_grey_is_scaled_to_eight_bits(form: str, tmp_path: Path) -> None:
    content, pixels = WIDE[form]
    (tmp_path / "grey").write_bytes(content)
    expected = np.floor(pixels * (255 / np.iinfo(pixels.dtype).max) + 0.5)
    picture = read_image(tmp_path / "grey")
    np.testing.assert_array_equal(np.asarray(picture), expected)
    np.testing.assert_array_equal(WHOLE.resize(picture, (3, 5))[..., 2], expected)
    with Image.open(tmp_path / "grey") as opened:
        np.testing.assert_array_equal(WHOLE.resize(opened, (3, 5), channels=1)[..., 0], expected)


def test_twelve_bits_fill_the_range(tmp_path: Path) -> None:
    pixels = np.array([[0, 2047, 4095, 1024]], np.uint16)
    packed = bytes.fromhex("0007fffff400")  # 000 7ff fff 400
    content = bytearray(tiff(pixels, order="<"))
    content[8 : 8 + len(packed)] = packed
    at = content.index(struct.pack("<HHII", 258, 4, 1, 16))
    content[at : at + 12] = struct.pack("<HHII", 258, 4, 1, 12)
    (tmp_path / "12.tif").write_bytes(content)
    assert np.asarray(read_image(tmp_path / "12.tif")).tolist() == [[0, 127, 255, 64]]


@pytest.mark.parametrize("order", "<>")
def test_floating_point_pictures_are_refused(order: str, tmp_path: Path) -> None:
    (tmp_path / "f.tif").write_bytes(tiff(np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3), order=order))
    with pytest.raises(SepzooError, match=r"f\.tif: expected pixels as whole numbers\. Received: floating-point"):
        read_image(tmp_path / "f.tif")
    with pytest.raises(SepzooError, match=r"expected pixels as whole numbers"):
        WHOLE.resize(Image.new("F", (4, 4)), (2, 2))


def test_negative_and_unexplained_wide_pixels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "n.tif").write_bytes(tiff(np.array([[-1, 5]], np.int16), order="<"))
    with pytest.raises(SepzooError, match=r"n\.tif: expected pixels of 0 … 32767\. Received: -1 … 5\."):
        read_image(tmp_path / "n.tif")
    with pytest.raises(SepzooError, match=r"expected pixels of 0 … 255\. Received: 0 … 256\."):
        WHOLE.resize(Image.fromarray(np.array([[0, 256]], np.int32)), (1, 2))
    assert WHOLE.resize(Image.fromarray(np.array([[0, 255]], np.int32)), (1, 2), channels=1).ravel().tolist() == [
        0,
        255,
    ]


def colours() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (4, 6, 4), np.uint8)


def test_cmyk_is_ink_taken_from_white() -> None:
    inks = colours()
    cyan_magenta_yellow, black = 255.0 - inks[..., :3], 255.0 - inks[..., 3:]
    found = np.asarray(in_channels(_as(inks, "CMYK"), 3))
    assert np.abs(found - cyan_magenta_yellow * black / 255).max() <= 1


def _as(pixels: np.ndarray, mode: str) -> Image.Image:
    return Image.frombytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())


@pytest.mark.parametrize("packed", [True, False])
def test_a_palette_with_transparency_gives_its_colours_and_opacity(packed: bool) -> None:
    palette, indices = colours()[0, :, :3], np.array([[0, 1, 2], [3, 4, 5]], np.uint8)
    picture = _as(indices, "P")
    picture.putpalette(palette.tobytes())
    opacity = np.array([0, 128, 255, 255, 255, 255], np.uint8)
    if packed:
        picture.info["transparency"] = opacity[:2].tobytes()
    else:
        picture.info["transparency"], opacity = 2, np.array([255, 255, 0, 255, 255, 255], np.uint8)
    np.testing.assert_array_equal(np.asarray(in_channels(picture, 3)), palette[indices])
    np.testing.assert_array_equal(np.asarray(in_channels(picture, 4))[..., :3], palette[indices])
    np.testing.assert_array_equal(np.asarray(in_channels(picture, 4))[..., 3], opacity[indices])
    luma = palette[indices] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(np.asarray(in_channels(picture, 1)) - luma).max() <= 1


def test_grey_with_opacity_keeps_its_grey() -> None:
    pixels = colours()[..., :2]
    picture = _as(pixels, "LA")
    np.testing.assert_array_equal(np.asarray(in_channels(picture, 1)), pixels[..., 0])
    np.testing.assert_array_equal(np.asarray(in_channels(picture, 3)), np.repeat(pixels[..., :1], 3, axis=-1))
    np.testing.assert_array_equal(np.asarray(in_channels(picture, 4))[..., 3], pixels[..., 1])


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    (tmp_path / "bits.pbm").write_bytes(b"P4 8 1\n\x65")
    expected = np.where(np.unpackbits(np.array([0x65], np.uint8)), 0, 255)
    assert WHOLE.resize(read_image(tmp_path / "bits.pbm"), (1, 8), channels=1).ravel().tolist() == expected.tolist()


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_transparent_colour_changes_no_other(mode: str, channels: int, tmp_path: Path) -> None:
    picture = Image.new(mode, (3, 3), 1 if mode == "1" else "white")
    picture.save(tmp_path / "t.png", transparency=(9, 9, 9) if mode == "RGB" else 0)
    assert WHOLE.resize(read_image(tmp_path / "t.png"), (3, 3), channels=channels).min() == 255


def test_colours_that_nobody_can_convert_are_refused() -> None:
    with pytest.raises(SepzooError, match=r"expected grey, RGB, CMYK or palette colours\. Received: Pillow mode La\."):
        WHOLE.resize(Image.new("La", (4, 4)), (2, 2))
    for channels in (1, 3, 4):  # LAB: lightness 255 is white
        assert WHOLE.resize(Image.new("LAB", (4, 4), (255, 128, 128)), (2, 2), channels=channels).min() >= 254


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_the_camera_says(orientation: int, suffix: str, tmp_path: Path) -> None:
    pixels = colours()[..., :3]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(
        tmp_path / f"p.{suffix}", exif=exif, **({"lossless": True} if suffix == "webp" else {})
    )
    expected = TURNS[orientation](pixels)
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / f"p.{suffix}")), expected)
    np.testing.assert_array_equal(WHOLE.resize(read_image(tmp_path / f"p.{suffix}"), expected.shape[:2]), expected)
    with Image.open(tmp_path / f"p.{suffix}") as opened:
        np.testing.assert_array_equal(WHOLE.resize(opened, expected.shape[:2]), expected)


def test_wide_grey_is_turned_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(spread("uint16")).save(tmp_path / "p.png", exif=exif)
    expected = np.floor(np.rot90(spread("uint16"), -1) / 257 + 0.5)
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "p.png")), expected)


def test_damaged_metadata_turn_nothing() -> None:
    picture = Image.new("L", (3, 2))
    picture.info["exif"] = b"Exif\0\0no such thing"
    assert upright(picture).size == (3, 2)


def test_arrays_of_sixteen_bits_are_scaled_and_others_must_fit() -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (5, 4, 3), np.uint16)
    np.testing.assert_array_equal(WHOLE.resize(pixels, (5, 4)), np.floor(pixels / 257 + 0.5))
    np.testing.assert_array_equal(np.asarray(from_array(pixels[..., 0].astype(int) // 257)), pixels[..., 0] // 257)
    for wrong in (pixels.astype(np.float32), pixels.astype(np.int32), pixels > 9):
        with pytest.raises(SepzooError, match=r"expected pixels as uint8 of 0 … 255, or uint16"):
            WHOLE.resize(wrong, (5, 4))
    for wrong in (np.zeros((0, 3), np.uint8), np.zeros((4, 4, 2), np.uint8), np.zeros(5, np.uint8)):
        with pytest.raises(SepzooError, match=r"expected an image \(height, width, 1, 3 or 4 channels\)"):
            WHOLE.resize(wrong, (2, 2))
