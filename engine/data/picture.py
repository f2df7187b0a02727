"""Read one picture file as a small square: what it shows in a viewer, on white."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.data.damage import DAMAGE, said
from engine.data.errors import DataError
from engine.data.plain_file import open_plain

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_MOVING = ("PNG", "GIF", "WEBP", "TIFF")  # a JPEG may hold a map of its own brightness
PIXEL_CAP = 64_000_000
Told = Callable[[str], object]
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_TOO_LARGE = f"has more than {PIXEL_CAP // 10**6} million pixels"


def read_picture(path: Path, size: int, told: Told = lambda note: None) -> NDArray[Any]:
    """The middle square of a picture as uint8 [size, size, 3]. Raises DataError, half a sentence.

    Of an animation the first frame counts, which `told` hears in half a sentence; embedded colour
    profiles are not applied.
    """
    return _read(path, lambda file: size, told)


def read_square(path: Path, most: int, told: Told = lambda note: None) -> NDArray[Any]:
    """The same in the picture's own size, or in `most` pixels along a side where it is larger."""
    return _read(path, lambda file: min(most, *file.size), told)


def _read(path: Path, side: Callable[[Image.Image], int], told: Told) -> NDArray[Any]:
    try:
        with open_plain(path) as opened, _quiet(), Image.open(opened, formats=FORMATS) as file:
            if file.width * file.height > PIXEL_CAP:
                raise DataError(_TOO_LARGE)
            if file.format in _MOVING and getattr(file, "is_animated", False):
                told("has several frames; the first is taken")
            size = side(file)
            file.draft(file.mode, (2 * size, 2 * size))  # JPEG: skip detail that nobody will see
            upright = ImageOps.exif_transpose(file)
            return np.asarray(_square(_on_white(upright), size))
    except UnidentifiedImageError:
        raise DataError(f"is not a picture ({', '.join(FORMATS)})") from None
    except _BOMB:
        raise DataError(_TOO_LARGE) from None
    except DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"cannot be read ({error.strerror})") from error
        raise DataError(f"is damaged ({said(error)})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Odd metadata is no reason to leave a picture out; a size made to fill the memory is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _square(picture: Image.Image, size: int) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    middle = picture.crop((left, top, left + side, top + side))
    return middle.resize((size, size), Image.Resampling.LANCZOS)


def _on_white(picture: Image.Image) -> Image.Image:
    """The picture in 8-bit RGB, white where it is transparent."""
    if picture.mode.startswith("I"):
        picture = _sixteen_bit(picture)
    elif picture.mode == "F":
        raise DataError("has floating-point pixels, whose range is not known")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    drawn = picture.convert("RGBA")
    white = Image.new("RGBA", drawn.size, "white")
    white.alpha_composite(drawn)
    return white.convert("RGB")


def _sixteen_bit(picture: Image.Image) -> Image.Image:
    """Grey of 0..65535 as grey of 0..255. Pillow's own conversion clips: 300 would be white."""
    grey = np.asarray(picture).astype(np.int64)
    if grey.min() < 0 or grey.max() > 65535:
        raise DataError("has 32-bit pixels, whose range is not known")
    key = picture.info.get("transparency")
    if isinstance(key, int):
        grey[grey == key] = 65535
    return Image.fromarray(((grey + 128) // 257).astype(np.uint8))


def warm() -> None:
    """Load the decoders of all formats now, and not at the first picture."""
    Image.init()
