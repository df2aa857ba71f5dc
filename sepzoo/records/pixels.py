"""Any picture as 8-bit pixels in the channels that a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_EXIF = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")  # where formats keep the orientation
_ORIENTATION, _BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 0x0112, 258, 262, 339  # TIFF tags
_SCALED_AT_ONCE = 2**20


def in_channels(image: Image, channels: int) -> Image:
    """Return a picture as 8-bit grey (1 channel), colour (3), or colour and opacity (4).

    Opacity is dropped, not blended, where it isn't asked for. A picture that has none is opaque.

    Raises:
        SepzooError: floating-point pixels, or a form of colour that Pillow can't convert.

    Example:
        >>> from PIL import Image
        >>> in_channels(Image.new("CMYK", (1, 1), (255, 0, 0, 0)), 3).getpixel((0, 0))
        (0, 255, 255)
    """
    image = to_eight_bits(image)
    try:
        if image.mode in ("P", "PA", "LAB"):  # Pillow reads a palette's transparency, and LAB, only on this way
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        return image.convert(_MODES[channels])
    except ValueError:
        raise SepzooError(
            f"expected grey, RGB, CMYK or palette colours. Received: Pillow mode {image.mode}. Convert the picture."
        ) from None


def to_eight_bits(image: Image) -> Image:
    """Return a picture whose 16 or 32 bits of grey are scaled to 8; one of 8 bits comes back as it is.

    The range is that of the format, whatever the brightest pixel is: 0 … 65535 for 16 bits, and in TIFF files, which
    may be signed or inverted, as their tags say. A 32-bit picture that no file explains must hold 0 … 255.

    Raises:
        SepzooError: floating-point pixels, negative ones, or 32-bit ones of an unknown range.

    Example:
        >>> import numpy as np
        >>> from PIL import Image
        >>> np.asarray(to_eight_bits(Image.fromarray(np.array([[0, 257, 65535]], np.uint16)))).tolist()
        [[0, 1, 255]]
    """
    import numpy as np
    from PIL import Image as Pillow

    if image.mode == "F":
        raise SepzooError(
            "expected pixels as whole numbers. Received: floating-point pixels, whose range nobody says. Save the "
            "picture with 8 or 16 bits."
        )
    if not image.mode.startswith("I"):
        return image
    pixels, tags = np.asarray(image), getattr(image, "tag_v2", {})
    if image.mode == "I" and not tags and image.format not in ("PNG", "PPM"):
        maximum = 255
    else:
        bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
        signed = tags.get(_SAMPLE_FORMAT, (1,))[0] == 2
        maximum = 2 ** (bits - signed) - 1
        if bits == 32 and not signed:
            pixels = pixels.view(np.uint32)
    if pixels.min() < 0 or pixels.max() > maximum:
        raise SepzooError(
            f"expected pixels of 0 … {maximum}. Received: {pixels.min()} … {pixels.max()}. Save the picture with 8 or "
            "16 bits."
        )
    grey = scaled_to_bytes(pixels, maximum)
    narrow = Pillow.fromarray(255 - grey if tags.get(_PHOTOMETRIC) == 0 else grey)
    narrow.info = {name: image.info[name] for name in _EXIF if name in image.info}
    return narrow


def scaled_to_bytes(pixels: np.ndarray, maximum: int) -> np.ndarray:
    """Return whole numbers 0 … `maximum` of any shape as uint8, rounded to the nearest.

    Example:
        >>> import numpy as np
        >>> scaled_to_bytes(np.array([0, 2047, 4095], np.uint16), 4095).tolist()
        [0, 127, 255]
    """
    import numpy as np

    scaled, flat = np.empty(pixels.size, np.uint8), pixels.reshape(-1)
    for start in range(0, len(flat), _SCALED_AT_ONCE):  # a part at a time, since float64 takes eight times the room
        part = slice(start, start + _SCALED_AT_ONCE)
        scaled[part] = np.rint(flat[part] * (255 / maximum))
    return scaled.reshape(pixels.shape)


def from_array(pixels: np.ndarray) -> Image:
    """Return pixels as a Pillow image.

    Args:
        pixels: (height, width), or with a last axis of 1, 3 or 4 channels; uint8, uint16 of 0 … 65535 (scaled to 8
            bits), or other whole numbers of 0 … 255.

    Raises:
        SepzooError: another shape, no pixel, or other numbers.

    Example:
        >>> import numpy as np
        >>> from_array(np.zeros((2, 3, 1), np.uint8)).size
        (3, 2)
    """
    import numpy as np
    from PIL import Image as Pillow

    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] not in (1, 3, 4)) or not pixels.size:
        raise SepzooError(f"expected an image (height, width, 1, 3 or 4 channels). Received: shape {pixels.shape}.")
    if pixels.dtype == np.uint16:
        pixels = scaled_to_bytes(pixels, 65535)
    elif not np.issubdtype(pixels.dtype, np.integer) or pixels.min() < 0 or pixels.max() > 255:
        raise SepzooError(
            f"expected pixels as uint8 of 0 … 255, or uint16 of 0 … 65535. Received: {pixels.dtype} of "
            f"{pixels.min()} … {pixels.max()}."
        )
    grey = pixels.ndim == 3 and pixels.shape[-1] == 1
    return Pillow.fromarray(np.ascontiguousarray((pixels[..., 0] if grey else pixels).astype(np.uint8)))


def upright(image: Image) -> Image:
    """Return a picture turned as its camera says (EXIF orientation); metadata that can't be read say nothing.

    Example:
        >>> from PIL import Image
        >>> picture = Image.new("L", (3, 2))
        >>> picture.getexif()[0x0112] = 6
        >>> upright(picture).size, upright(upright(picture)).size
        ((2, 3), (2, 3))
    """
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    image.load()  # turns a TIFF by itself
    try:
        turn = turns.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata make Pillow raise almost anything
        return image
    if turn is None:
        return image
    turned = image.transpose(turn)
    for name in _EXIF:
        turned.info.pop(name, None)
    return turned
