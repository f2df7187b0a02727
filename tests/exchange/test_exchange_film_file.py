"""Films are read back: their frames, their pace, their facts."""

import io
import json
import sys
import types

import numpy as np
import pytest
from PIL import Image

from engine.contract.errors import UserError
from engine.contract.facts import Facts
from engine.exchange import film_file
from engine.exchange.film_file import NO_ENCODER, check_encoder, gif, mp4

FACTS = Facts(
    "m", "MeanFlow", "emoji-16", 5, 0.99, 1.0, 0.0, 1, "noise", 7, 4, "ü" * 300, command="x"
)


def frames(count, width=33, height=21):
    """Pictures of few colours that all differ."""
    for k in range(count):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:, : k + 1] = (255, 10 * k, 40)
        yield Image.fromarray(pixels)


@pytest.mark.parametrize("fps", [1, 12, 15, 30, 50])
def test_a_gif_has_every_frame_for_its_time(fps):
    told = []
    content = gif(frames(13), fps, 1.0, FACTS, told.append)
    film = Image.open(io.BytesIO(content))
    assert (film.n_frames, film.size, film.info["loop"]) == (13, (33, 21), 0)
    assert json.loads(film.info["comment"]) == FACTS.values()
    durations = []
    for k, wanted in enumerate(frames(13)):
        film.seek(k)
        durations.append(film.info["duration"])
        np.testing.assert_array_equal(np.asarray(film.convert("RGB")), np.asarray(wanted))
    assert sum(durations) - 1000 == pytest.approx(13_000 / fps, abs=5)
    assert max(durations[:-1]) - min(durations) <= 10
    assert told == list(range(1, 14))


def test_more_colours_than_a_gif_holds_are_chosen_not_dithered():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    enlarged = pixels.repeat(8, 0).repeat(8, 1)
    film = Image.open(io.BytesIO(gif([Image.fromarray(enlarged)], 5, 0, FACTS, bool)))
    found = np.asarray(film.convert("RGB"))
    np.testing.assert_array_equal(found, found[::8, ::8].repeat(8, 0).repeat(8, 1))
    assert np.abs(found.astype(int) - enlarged).mean() < 16


def test_without_an_encoder_it_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(film_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"flowmap-studio\[film\].*GIF"):
        check_encoder(".mp4")
    check_encoder(".gif")
    with pytest.raises(UserError) as caught:
        mp4(frames(2), 12, 0, FACTS, bool)
    assert str(caught.value) == NO_ENCODER


@pytest.fixture
def encoder(monkeypatch):
    """Stands in for the encoder: keeps what it is given, and writes as many bytes."""
    made = types.ModuleType("imageio_ffmpeg")
    made.asked, made.sent, made.fault = {}, [], None

    def write_frames(path, size, **options):
        made.asked = {"size": size, **options}
        with open(path, "wb") as file:
            while True:
                try:
                    piece = yield
                except GeneratorExit:
                    break
                if made.fault:
                    raise made.fault
                made.sent.append(piece)
                file.write(b"%d" % len(piece))

    made.write_frames = write_frames
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", made)
    monkeypatch.setattr(film_file.importlib.util, "find_spec", lambda name: made)
    return made


def test_an_mp4_has_even_sides_and_its_facts(encoder):
    told = []
    content = mp4(frames(3), 12, 0.5, FACTS, told.append)
    assert encoder.asked["size"] == (34, 22)
    assert encoder.asked["fps"] == 12
    tag = encoder.asked["output_params"]
    assert tag[0] == "-metadata"
    assert json.loads(tag[1].removeprefix("comment=")) == FACTS.values()
    assert len(encoder.sent) == 3 + 6  # the last one stays
    assert {len(piece) for piece in encoder.sent} == {34 * 22 * 3}
    first = np.frombuffer(encoder.sent[0], np.uint8).reshape(22, 34, 3)
    np.testing.assert_array_equal(first[:21, :33], np.asarray(next(frames(1))))
    assert content == b"2244" * 9
    assert told == [1, 2, 3]


def test_an_encoder_that_breaks_is_one_sentence(encoder):
    encoder.fault = BrokenPipeError("gone")
    with pytest.raises(UserError, match="The encoder of MP4 failed: gone"):
        mp4(frames(3), 12, 0, FACTS, bool)
