"""What the explore worker answers the studio, through the hub."""

from typing import Literal

from msgspec import Struct

from engine.contract.arrays import Array
from engine.contract.catalogue import Model
from engine.contract.legality import How
from engine.contract.messages.base import Message
from engine.contract.source import Sample


class Opened(Message, frozen=True):
    """A model stands ready."""

    id: int
    model: Model


class RoundTrip(Struct, frozen=True):
    """Data carried up to t and back: its root mean square error, in the data's units.

    From t = 1 also what all numbers of that noise say together: standard deviation, kurtosis and
    Kolmogorov-Smirnov distance to a standard normal; else -1.
    """

    error: float
    deviation: float = -1.0
    kurtosis: float = -1.0
    distance: float = -1.0


class Looked(Message, frozen=True):
    """A sample, with the name of the picture that was taken in, and its `label` (-1: none).

    `data` in the payload: uint8 [h, w, c] or float32 [2]. `count` is how many there are to choose
    from, 0 where there is no end of them or no list.
    """

    id: int
    sample: Sample
    count: int
    label: int
    arrays: tuple[Array, ...]


class Jumped(Message, frozen=True):
    """States in the payload; `outside`: this jump is outside what the model was trained for.

    `how` says what led from x_t to x_s, `carried` what led to x_t from noise, or from a sample; the
    latter is empty where x_t is the noise itself, or data mixed with it.
    """

    id: int
    t: float
    s: float
    nfe: int
    milliseconds: float
    arrays: tuple[Array, ...]
    outside: bool = False
    memory: int = 0
    how: How = "jump"
    carried: How | Literal[""] = ""
    round_trip: RoundTrip | None = None


class Followed(Message, frozen=True):
    """`x_t` and the true `x_s` in the payload, as in Jumped.

    `memorises`: it is the flow of a finite set, all of whose trajectories end in a sample of it.
    """

    id: int
    milliseconds: float
    arrays: tuple[Array, ...]
    memorises: bool = False


class FieldsAnswer(Message, frozen=True):
    """Float32 [n, 2] in the payload, in rows from the lower left: `places`, the velocity `v` at t,
    the average velocity `u` from t to s (either [0, 2] where the model knows none), and `exact`,
    the true velocity, where that is known.

    Of pictures [n, channels, height, width], `v` and `u` alone.
    """

    id: int
    arrays: tuple[Array, ...]


class Traced(Message, frozen=True):
    """Paths in the payload and `times`, the k times they pass.

    `why` is a sentence where the model knows no paths: `learned` is empty then, [k, 0, 2].
    """

    id: int
    times: tuple[float, ...]
    arrays: tuple[Array, ...]
    why: str = ""


class PixelsTraced(Message, frozen=True):
    """Paths of pixels in the payload and `times`, the k times they pass.

    `why` is a sentence where the model knows no paths: `learned` is empty then, [k, 0, channels].
    """

    id: int
    times: tuple[float, ...]
    arrays: tuple[Array, ...]
    why: str = ""


class ChordAnswer(Message, frozen=True):
    """Float32 in the payload: the `path` [k, 2] of the place from t to s, and `v` [2] there.

    Either is empty where the model knows none; of the path `why` says so. `curvature` is |dv/dt|
    there along the model's path, `exact` along the true one, in the data's units over time squared;
    None where it is not known.
    """

    id: int
    arrays: tuple[Array, ...]
    curvature: float | None = None
    exact: float | None = None
    why: str = ""


class Mapped(Message, frozen=True):
    """Float32 in the payload: `values` [k], root mean squares in the data's units, in the order of
    the places; `nothing` [k], what staying at x_t scores, or [0] where that says nothing.

    `memorises`: the truth is the flow of the pictures themselves, which ends in one of them.
    """

    id: int
    arrays: tuple[Array, ...]
    memorises: bool = False


class StepOpened(Message, frozen=True):
    """The terms of a step of `method` in the payload, by the names that the objectives tell.

    Float32: (rows,) for numbers, else [rows, 2] or [rows, channels, height, width]; nan where a
    row has no such term. `loss` is that of the batch; `notes` are sentences about what is not kept.
    """

    id: int
    method: str
    step: int
    loss: float
    arrays: tuple[Array, ...]
    notes: tuple[str, ...] = ()


class Measured(Message, frozen=True):
    """Distances of `count` samples, and of as many real ones (`floor_`), to the same data.

    Raw values are compared: `sliced` (Wasserstein) in the data's units, `kernel` without a unit.
    `held_out`: that data was never trained on.
    """

    id: int
    nfe: int
    count: int
    sliced: float
    kernel: float
    floor_sliced: float
    floor_kernel: float
    held_out: bool
