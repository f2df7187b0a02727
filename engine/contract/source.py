"""Where x_t comes from: noise, real samples, or one sample; and what a hand moved in it."""

from typing import Literal

from msgspec import Struct

from engine.contract.catalogue import Capability

Kind = Literal["noise", "data", "sample"]
Way = Literal["noised", "carried"]


class Mix(Struct, frozen=True):
    """Noise between that of two `seeds` on a line, or of four at the corners of a square.

    The corners are (0, 0), (1, 0), (0, 1), (1, 1); (x, y) is the place between them. A seed of 3.25
    is `Mix((3, 4), 0.25)`.
    """

    seeds: tuple[int, ...]
    x: float = 0.5
    y: float = 0.0


class Sample(Struct, frozen=True):
    """One sample: number `index` of the data set, from 0, of what was `held_out` of it if wanted.

    Or a `picture` of one's own, by the name under which the workspace keeps it (`Look` gives one);
    or a `point` of the plane. To t it is `noised`, mixed with noise, or `carried` by the model's
    velocity.
    """

    index: int = 0
    held_out: bool = False
    picture: str = ""
    point: tuple[float, float] | None = None
    way: Way = "noised"


class Moved(Struct, frozen=True):
    """What a hand did to sample `index` of x_t.

    A point stands at (x, y), whatever t is. The noise of a picture is rolled by x pixels to the
    right and y down, which leaves its law as it is.
    """

    index: int
    x: float
    y: float


class Source(Struct, frozen=True):
    """Where x_t comes from.

    `noise` is carried from t = 1 by the model. `data`, real samples, and one `sample` are mixed
    with noise, or carried from t = 0: the former by their `way`, the latter by its own. The noise
    is that of `seed`, or a `mix`; real samples and the noise that is added on the way are always
    those of `seed`. For a `sample` of the data set the label -1 is its own. A `fan` starts from the
    first sample's noise and label alone: what tells its samples apart is the noise that is added.
    """

    kind: Kind = "noise"
    seed: int = 0
    count: int = 16
    label: int = -1  # -1: all classes
    mix: Mix | None = None
    sample: Sample | None = None
    moved: tuple[Moved, ...] = ()
    way: Way = "noised"
    fan: bool = False


def is_carried(source: Source) -> bool:
    """Whether x_t is data that is carried up to t along the velocity."""
    if source.kind == "data":
        return source.way == "carried"
    sample = source.sample if source.kind == "sample" else None
    return sample is not None and sample.way == "carried"


def carrying_problem(capability: Capability) -> str:
    """Why such a model cannot carry a sample up to t, one sentence; "" where it can."""
    match capability:
        case "endpoint":
            return "This model knows where paths end and no velocity: take the sample noised."
        case "dyadic":
            return "This model knows steps towards data alone: take the sample noised."
    return ""
