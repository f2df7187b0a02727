"""Frames as one film: GIF, or MP4 where an encoder is installed."""

import contextlib
import importlib.util
import io
import tempfile
from collections.abc import Callable, Iterable
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from engine.contract.errors import UserError
from engine.contract.facts import Facts

LAST = 1.0  # seconds that the last frame stays, so that its end is seen
NO_ENCODER = (
    "MP4 needs an encoder that is not installed; install it with "
    '`pip install "flowmap-studio[film]"`, or write a GIF.'
)
Told = Callable[[int], object]


def check_encoder(suffix: str) -> None:
    """Raise UserError where films of this suffix cannot be written."""
    if suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise UserError(NO_ENCODER)


def gif(frames: Iterable[Image.Image], fps: float, last: float, facts: Facts, told: Told) -> bytes:
    """The bytes of a GIF that begins anew for ever; the last frame stays `last` seconds longer.

    Each frame has colours of its own and no dither, which would look like noise.
    """
    few: list[Image.Image] = []
    for number, frame in enumerate(frames, 1):
        few.append(frame.quantize(256, dither=Image.Dither.NONE))
        told(number)
    ends = [round(100 * k / fps) for k in range(len(few) + 1)]  # GIF counts hundredths
    durations = [10 * (end - start) for start, end in pairwise(ends)]
    durations[-1] += round(1000 * last)
    file = io.BytesIO()
    few[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=few[1:],
        duration=durations,
        loop=0,
        comment=facts.json().encode(),
    )
    return file.getvalue()


def mp4(frames: Iterable[Image.Image], fps: float, last: float, facts: Facts, told: Told) -> bytes:
    """The bytes of an MP4 (H.264), the facts in its comment. Raises UserError."""
    check_encoder(".mp4")
    import imageio_ffmpeg

    found = (_even(np.asarray(frame)) for frame in frames)
    first = next(found)
    height, width, _ = first.shape
    with tempfile.TemporaryDirectory(prefix="flowmap-film-") as folder:
        path = Path(folder) / "film.mp4"
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (width, height),
            fps=fps,
            codec="libx264",
            quality=8,
            macro_block_size=2,
            output_params=["-metadata", f"comment={facts.json()}"],
        )
        try:
            with contextlib.closing(writer):
                writer.send(None)
                for number, pixels in enumerate(chain([first], found), 1):
                    writer.send(pixels.tobytes())
                    told(number)
                for _ in range(round(last * fps)):
                    writer.send(pixels.tobytes())
        except OSError as error:
            raise UserError(f"The encoder of MP4 failed: {error}.") from error
        return path.read_bytes()


def _even(pixels: np.ndarray) -> np.ndarray:
    """With sides that H.264 can take: a last row or column is said twice where need be."""
    height, width, _ = pixels.shape
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
