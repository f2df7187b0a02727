"""Bent copies of valid inputs: the same ones for the same seed, target and number."""

import random

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40)
WORDS = (
    b"NaN", b"Infinity", b"-1", b"1e400", b"null", b"[", b"]", b"{", b"}", b'"', b"\\u0000",
    b"9" * 40, b"[" * 50, b"\xff\xfe", b"\xed\xa0\x80", b"true", b"0", b"PK\x05\x06", b"\x80\x02",
    b"..", b"/", b",", b"\n", b"=",
)  # fmt: skip


def mutated(samples: list[bytes], random_of: random.Random) -> bytes:
    """One sample, bent in one to eight places; now and then noise alone."""
    found = bytearray(random_of.choice(samples))
    if random_of.random() < 0.01:
        return random_of.randbytes(random_of.randrange(200))
    for _ in range(random_of.choice((1, 1, 1, 2, 3, 8))):
        _KINDS[random_of.randrange(len(_KINDS))](found, samples, random_of)
    return bytes(found)


def _place(found: bytearray, random_of: random.Random) -> int:
    """A place in it; the head, where formats keep their claims, more often than the rest."""
    end = len(found) if random_of.random() < 0.5 else min(len(found), 256)
    return random_of.randrange(end) if end else 0


def _bit(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    if found:
        found[_place(found, random_of)] ^= 1 << random_of.randrange(8)


def _byte(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    if found:
        found[_place(found, random_of)] = random_of.randrange(256)


def _number(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    width = random_of.choice((1, 2, 4, 8))
    value = random_of.choice(INTERESTING) & ((1 << 8 * width) - 1)
    start = _place(found, random_of)
    order = random_of.choice(("little", "big"))
    found[start : start + width] = value.to_bytes(width, order)  # type: ignore[arg-type]


def _word(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    start = _place(found, random_of)
    found[start : start + random_of.choice((0, 0, 1, 4))] = random_of.choice(WORDS)


def _cut(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    del found[_place(found, random_of) :]


def _remove(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    start = _place(found, random_of)
    del found[start : start + random_of.randrange(1, 40)]


def _repeat(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    start = _place(found, random_of)
    piece = found[start : start + random_of.randrange(1, 80)]
    found[start:start] = piece * random_of.randrange(1, 4)


def _splice(found: bytearray, samples: list[bytes], random_of: random.Random) -> None:
    other = random_of.choice(samples)
    start = random_of.randrange(len(other)) if other else 0
    place = _place(found, random_of)
    found[place : place + random_of.randrange(100)] = other[
        start : start + random_of.randrange(100)
    ]


_KINDS = (_bit, _bit, _byte, _byte, _number, _word, _cut, _remove, _repeat, _splice)
