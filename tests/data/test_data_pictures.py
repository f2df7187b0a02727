"""A picture file is read as what a viewer shows, or refused with a reason; golden pixels."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data.errors import DataError
from engine.data.picture import FORMATS, read_picture

GREYS = np.array([[0, 200], [30_000, 65_535]], np.uint16)  # 200 is nearer to 257 than to 0
AS_BYTES = np.array([[0, 1], [117, 255]])


def read(
    tmp_path: Path, picture: Image.Image, size: int, format: str, **options: Any
) -> np.ndarray:
    path = tmp_path / "picture"  # no suffix: the content decides
    picture.save(path, format, **options)
    return read_picture(path, size).astype(int)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG with any depth and colour type, which Pillow does not write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    extra = b"".join(chunk(c[:4], c[4:]) for c in chunks)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path, format: str) -> None:
    found = read(tmp_path, Image.fromarray(GREYS), 2, format)
    assert np.array_equal(found, np.repeat(AS_BYTES[..., None], 3, 2))


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bit_grey_is_read_in_either_byte_order(tmp_path: Path, order: str) -> None:
    path = tmp_path / "grey.tif"
    mark, body = (b"II*\0" if order == "<" else b"MM\0*"), GREYS.astype(f"{order}u2").tobytes()
    tags = [(256, 2), (257, 2), (258, 16), (259, 1), (262, 1), (273, 200), (277, 1), (278, 2)]
    tags.append((279, len(body)))
    entries = b"".join(struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    head = mark + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)
    path.write_bytes(head.ljust(200, b"\0") + body)
    assert np.array_equal(read_picture(path, 2)[..., 0], AS_BYTES)


def test_sixteen_bit_colour_is_scaled_not_clipped(tmp_path: Path) -> None:
    row = np.array([[300, 30_000, 65_535], [0, 0, 512]], ">u2")
    rows = b"".join(b"\0" + row.tobytes() for _ in range(2))
    (tmp_path / "colour.png").write_bytes(png(2, 2, 16, 2, rows))
    found = read_picture(tmp_path / "colour.png", 2)
    assert found[0].tolist() == [[1, 117, 255], [0, 0, 2]]


def test_transparent_sixteen_bit_grey_is_white(tmp_path: Path) -> None:
    row = b"\0" + np.array([300, 30_000], ">u2").tobytes()
    (tmp_path / "grey.png").write_bytes(png(2, 2, 16, 0, row * 2, b"tRNS" + struct.pack(">H", 300)))
    assert read_picture(tmp_path / "grey.png", 2)[0, :, 0].tolist() == [255, 117]


def test_cmyk_shows_its_colours(tmp_path: Path) -> None:
    inks = np.array([[(0, 0, 0, 0), (255, 0, 0, 0)], [(0, 255, 255, 0), (0, 0, 0, 255)]], np.uint8)
    found = read(tmp_path, Image.fromarray(inks, "CMYK"), 2, "TIFF")
    assert found.tolist() == [[[255] * 3, [0, 255, 255]], [[255, 0, 0], [0] * 3]]
    solid = read(tmp_path, Image.new("CMYK", (8, 8), (255, 0, 0, 0)), 8, "JPEG")
    assert np.abs(solid - [0, 255, 255]).max() <= 3


def test_transparent_places_are_white_whatever_colour_hides_there(tmp_path: Path) -> None:
    palette = Image.new("P", (2, 2))
    palette.putpalette([200, 0, 0, 0, 100, 0])
    palette.putpixel((1, 0), 1)
    expected = [[[255] * 3, [0, 100, 0]], [[255] * 3, [255] * 3]]
    assert read(tmp_path, palette, 2, "PNG", transparency=0).tolist() == expected
    assert read(tmp_path, palette, 2, "GIF", transparency=0).tolist() == expected
    colour = palette.convert("RGB")
    assert read(tmp_path, colour, 2, "PNG", transparency=(200, 0, 0)).tolist() == expected


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_half_transparent_black_is_grey(tmp_path: Path, format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert np.all(read(tmp_path, half, 4, format, **options) == 127)
    if format != "WEBP":
        assert np.all(read(tmp_path, Image.new("LA", (4, 4), (0, 128)), 4, format) == 127)


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, "red"), (2, "lime"), (3, "white"), (6, "blue"), (8, "lime")]
)
def test_pictures_stand_upright(tmp_path: Path, orientation: int, corner: str) -> None:
    """The colour at top left once the camera's turn is undone."""
    picture = Image.new("RGB", (32, 32))
    for place, colour in zip(
        ((0, 0), (16, 0), (0, 16), (16, 16)), ("red", "lime", "blue", "white"), strict=True
    ):
        picture.paste(colour, (*place, place[0] + 16, place[1] + 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = np.array(Image.new("RGB", (1, 1), corner))[0, 0].astype(int)
    for format in ("JPEG", "PNG", "WEBP"):
        found = read(tmp_path, picture, 32, format, exif=exif)
        assert np.abs(found[2, 2] - expected).max() < 12


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_one_bit_is_black_and_white(tmp_path: Path, format: str) -> None:
    board = np.indices((8, 8)).sum(0) % 2 == 0
    found = read(tmp_path, Image.fromarray(board), 8, format)
    assert np.array_equal(found, np.repeat(np.where(board, 255, 0)[..., None], 3, 2))


@pytest.mark.parametrize("upright", [False, True])
def test_a_long_strip_gives_its_middle(tmp_path: Path, upright: bool) -> None:
    strip = np.zeros((10, 20_000, 3), np.uint8)
    middle = np.random.default_rng(0).integers(0, 256, (10, 10, 3), np.uint8)
    strip[:, 9_995:10_005] = middle
    if upright:
        strip, middle = strip.transpose(1, 0, 2), middle.transpose(1, 0, 2)
    found = read(tmp_path, Image.fromarray(np.ascontiguousarray(strip)), 10, "PNG")
    assert np.array_equal(found, middle)


def test_a_single_pixel_fills_the_square(tmp_path: Path) -> None:
    found = read(tmp_path, Image.new("LA", (1, 1), (100, 255)), 16, "PNG")
    assert found.shape == (16, 16, 3)
    assert np.all(found == 100)


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    found = read(tmp_path, frames[0], 8, "GIF", save_all=True, append_images=frames[1:])
    assert np.all(found == [255, 0, 0])


@pytest.mark.parametrize("upright", [False, True])
def test_the_middle_square_is_kept(tmp_path: Path, upright: bool) -> None:
    stripes = np.repeat(np.eye(3, dtype=np.uint8)[None] * 255, 30, 0).repeat(30, 1)
    picture = Image.fromarray(stripes.transpose(1, 0, 2) if upright else stripes)
    assert np.all(read(tmp_path, picture, 16, "PNG") == [0, 255, 0])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["PNG", "BMP", "TIFF", "GIF"]),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.sampled_from([8, 32]),
)
def test_one_colour_stays_that_colour(
    tmp_path_factory: pytest.TempPathFactory,
    format: str,
    colour: tuple[int, int, int],
    shape: tuple[int, int],
    size: int,
) -> None:
    folder = tmp_path_factory.mktemp("colour")
    found = read(folder, Image.new("RGB", shape, colour), size, format)
    assert found.shape == (size, size, 3)
    assert np.all(found == colour)


def test_a_picture_of_the_wanted_size_is_not_touched(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(read(tmp_path, Image.fromarray(noise), 32, "PNG"), noise)


@pytest.mark.parametrize("side", [8_100, 10_000, 20_000])
def test_pictures_of_too_many_pixels_are_refused(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 1, 0, b""))
    with pytest.raises(DataError, match="more than 64 million pixels"):
        read_picture(path, 32)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((4, 4), 0.5, np.float32), "floating-point"),
        (np.full((4, 4), 70_000, np.int32), "32-bit"),
        (np.full((4, 4), -1, np.int32), "32-bit"),
    ],
)
def test_pixels_of_unknown_range_are_refused(
    tmp_path: Path, picture: np.ndarray, reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path, Image.fromarray(picture), 4, "TIFF")


@pytest.mark.parametrize("content", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>"])
def test_what_is_not_a_picture_is_said_not_to_be(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match="is not a picture"):
        read_picture(tmp_path / "x.png", 32)


def test_a_file_that_may_not_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^cannot be read \(Is a directory\)$"):
        read_picture(tmp_path, 32)


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files_are_refused_and_nothing_else_happens(tmp_path: Path, format: str) -> None:
    """Cut or bent anywhere, a file gives a picture of the right shape or a DataError."""
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8)).save(stream, format)
    whole, path, refused = stream.getvalue(), tmp_path / "x", 0
    for trial in range(120):
        bent = bytearray(whole)
        if trial % 2:
            del bent[rng.integers(len(bent)) :]
        else:
            for place in rng.integers(0, min(len(bent), 200), 4):
                bent[place] = rng.integers(256)
        path.write_bytes(bent)
        try:
            assert read_picture(path, 8).shape == (8, 8, 3)
        except DataError:
            refused += 1
    assert refused > 20
