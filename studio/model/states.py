"""What a jump and a trace answer, as arrays."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.contract.arrays import unpack
from engine.contract.frames import FrameError
from engine.contract.legality import How
from engine.contract.messages import (
    ChordAnswer,
    FieldsAnswer,
    Follow,
    Followed,
    Jump,
    Jumped,
    Looked,
    LossAnswer,
    Mapped,
    PixelsTraced,
    RoundTrip,
    Source,
    StepOpened,
    Trace,
    Traced,
)
from studio.link.link import Refusal


@dataclass(frozen=True, eq=False)
class States:
    """One answered jump: points float32 [n, 2] or pictures uint8 [n, height, width, channels]."""

    x_t: NDArray
    x_s: NDArray
    t: float
    s: float
    nfe: int
    ms: float  # in the engine
    outside: bool  # outside what the model was trained for
    source: Source
    steps: int
    how: How = "jump"  # what led from x_t to x_s
    carried: How | Literal[""] = ""  # what led from noise to x_t
    round_trip: RoundTrip | None = None  # of data that was carried up to t


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths from t to s: float32 [k, paths, 2] at `times`; exact ones where they are known."""

    times: tuple[float, ...]
    learned: NDArray[np.float32]
    exact: NDArray[np.float32] | None
    exact_x_s: NDArray[np.float32] | None
    t: float
    s: float
    why: str = ""  # there are no learned paths


def read_states(asked: Jump, answer: Jumped, payload: bytes) -> States:
    """The states of an answer. Raises Refusal where it holds none."""
    arrays = read_arrays(answer, payload, "x_t", "x_s")
    return States(
        arrays["x_t"],
        arrays["x_s"],
        answer.t,
        answer.s,
        answer.nfe,
        answer.milliseconds,
        answer.outside,
        asked.source,
        asked.steps,
        answer.how,
        answer.carried,
        answer.round_trip,
    )


def read_followed(asked: Follow, answer: Followed, payload: bytes) -> States:
    """What the true flow makes of a jump; it asks no network. Raises Refusal."""
    arrays = read_arrays(answer, payload, "x_t", "x_s")
    return States(
        arrays["x_t"],
        arrays["x_s"],
        asked.t,
        asked.s,
        0,
        answer.milliseconds,
        False,
        asked.source,
        1,
        "ODE",
    )


def read_paths(asked: Trace, answer: Traced, payload: bytes) -> Paths:
    """The paths of an answer. Raises Refusal where it holds none."""
    arrays = read_arrays(answer, payload, "learned")
    return Paths(
        answer.times,
        arrays["learned"],
        arrays.get("exact"),
        arrays.get("exact_x_s"),
        asked.t,
        asked.s,
        answer.why,
    )


def read_arrays(
    answer: ChordAnswer
    | FieldsAnswer
    | Looked
    | Jumped
    | Followed
    | Traced
    | PixelsTraced
    | Mapped
    | LossAnswer
    | StepOpened,
    payload: bytes,
    *wanted: str,
) -> dict[str, NDArray]:
    """The arrays of an answer, `wanted` among them. Raises Refusal where one is missing."""
    try:
        arrays = unpack(answer.arrays, payload)
    except FrameError as error:
        raise Refusal(f"The engine's answer cannot be read: {error}.") from error
    if missing := [name for name in wanted if name not in arrays]:
        raise Refusal(f"The engine's answer lacks {missing[0]}.")
    return arrays
