"""Frames arrive whole in whatever pieces; hostile streams cost their own bytes and no more."""

import contextlib
import os
import random
import struct
import time
from itertools import pairwise

import psutil
import pytest
from contract_support import QUICK
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import messages
from engine.contract.frames import HEADER_CAP, PAYLOAD_CAP, Decoder, FrameError, encode
from engine.contract.messages import Chunk, Done, Jump, MessageError, Source

FRAMES = st.lists(st.tuples(st.binary(min_size=1, max_size=50), st.binary(max_size=80)), max_size=5)
GROWTH = 48 << 20  # bytes of memory that fuzzing may take


@QUICK
@given(FRAMES, st.lists(st.integers(0, 400), max_size=8))
def test_round_trip_in_any_pieces(sent, cuts):
    stream = b"".join(encode(header, payload) for header, payload in sent)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    decoder = Decoder()
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert [frame for piece in pieces for frame in decoder.feed(piece)] == sent


@QUICK
@given(FRAMES, st.integers(0, 300))
def test_a_torn_stream_gives_its_whole_frames(sent, cut):
    stream = b"".join(encode(header, payload) for header, payload in sent)
    whole = list(Decoder().feed(stream[: len(stream) - cut]))
    assert whole == sent[: len(whole)]


@pytest.mark.parametrize(
    ("header", "payload"),
    [(0, 0), (HEADER_CAP + 1, 0), (1, PAYLOAD_CAP + 1), (2**32 - 1, 2**32 - 1)],
)
def test_impossible_lengths_are_refused_before_anything_is_allocated(header, payload):
    before = psutil.Process().memory_info().rss
    with pytest.raises(FrameError):
        list(Decoder().feed(struct.pack("<II", header, payload)))
    assert psutil.Process().memory_info().rss - before < 1 << 20


def test_what_is_over_a_cap_is_not_sent():
    with pytest.raises(FrameError):
        encode(bytes(HEADER_CAP + 1))
    with pytest.raises(FrameError):
        encode(b"", b"payload")


def test_frames_before_a_broken_one_are_delivered():
    coming = Decoder().feed(encode(b"a", b"b") + struct.pack("<II", 0, 0))
    assert next(coming) == (b"a", b"b")
    with pytest.raises(FrameError):
        next(coming)


def _fuzz(seconds: float, seed: int) -> int:
    """Mutated and invented streams; returns how many. Any other error than the two escapes."""
    chance = random.Random(seed)
    good = b"".join(
        encode(messages.encode(message), payload)
        for message, payload in [
            (Done(1), b""),
            (Jump(2, "m", Source(), 1.0, 0.0), b""),
            (Chunk(3, 4, 9), b"data"),
        ]
    )
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        stream = bytearray(good * chance.randrange(1, 4))
        for _ in range(chance.randrange(6)):
            at = chance.randrange(len(stream))
            match chance.randrange(4):
                case 0:
                    stream[at] = chance.randrange(256)
                case 1:
                    del stream[at : at + chance.randrange(1, 30)]
                case 2:
                    stream[at:at] = chance.randbytes(chance.randrange(1, 30))
                case 3:
                    stream[at : at + 4] = struct.pack("<I", chance.randrange(2**32))
            if not stream:
                break
        _read(bytes(stream), chance)
        count += 1
    return count


def _read(stream: bytes, chance: random.Random) -> None:
    decoder, at = Decoder(), 0
    while at < len(stream):
        size = chance.randrange(1, 200)
        try:
            for header, _ in decoder.feed(stream[at : at + size]):
                with contextlib.suppress(MessageError):
                    messages.decode(header)
        except FrameError:
            return
        at += size


@pytest.mark.parametrize(
    "seconds",
    [
        0.5,
        pytest.param(float(os.environ.get("FLOWMAP_FUZZ_SECONDS", "20")), marks=pytest.mark.slow),
    ],
    ids=["short", "long"],
)
def test_fuzz(seconds):
    _fuzz(0.05, 0)
    process = psutil.Process()
    before = process.memory_info().rss
    assert _fuzz(seconds, 1) > 20 * seconds
    assert process.memory_info().rss - before < GROWTH
