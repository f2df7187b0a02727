"""What the studio asks the explore worker, through the hub."""

from typing import Literal

from msgspec import Struct

from engine.contract.maps import Probed
from engine.contract.messages.base import Request
from engine.contract.source import Sample, Source

Solver = Literal["euler", "heun", "rk4", "dpm++2m"]


class Keep(Struct, frozen=True):
    """What is put back of a picture after every jump, while the rest is made anew.

    All `outside` a box (left, top, right, bottom, as shares of the picture), its `brightness`, or
    the means of blocks of `factor` x `factor` pixels.
    """

    kind: Literal["outside", "brightness", "coarse"]
    box: tuple[float, float, float, float] = (0.25, 0.25, 0.75, 0.75)
    factor: int = 4


class Sampler(Struct, frozen=True):
    """How to go from t to s, as far as a model's capability leaves a choice.

    `gamma` is the share of the noise that is new after each step: any for a flow map, 0 or 1 for a
    dyadic model, always 1 for an endpoint and 0 for a velocity; None is each one's own. `solver`
    is for velocities. `times` may be those to pass on the way. `guidance` is a strength (1: none),
    held from one time to another, for a model that says how it can be guided. To `keep` part of a
    picture all noise is new after each step.
    """

    gamma: float | None = None
    solver: Solver = "heun"
    times: Literal["even", "karras"] | tuple[float, ...] = "even"
    guidance: float | None = None
    guidance_from: float | None = None
    guidance_to: float | None = None
    keep: Keep | None = None

    def guides(self) -> "Sampler":
        """As much of it as guides."""
        chosen = self.guidance, self.guidance_from, self.guidance_to
        return Sampler(None, "heun", "even", *chosen)


class Carrier(Struct, frozen=True):
    """The model, and its sampler, that carry noise to t where it is not the one that jumps."""

    model: str
    sampler: Sampler = Sampler()


class OpenModel(Request, frozen=True):
    """Load (or reload, where newer) a shipped model, run or file. Answered by Opened."""

    model: str


class Look(Request, frozen=True):
    """One sample that x_t may come from: whether it is there, and what it looks like. -> Looked.

    A picture `file`, by its absolute path, is taken into the workspace first, by an inspect worker.
    """

    model: str
    sample: Sample
    file: str = ""


class Jump(Request, frozen=True):
    """x_t and x_s = jump(x_t, t, s) in `steps` steps. Answered by Jumped; newest wins.

    `raw` asks for float32 states (`x_t`, `x_s`); else pictures come as uint8 [n, h, w, c]. With a
    `carrier` models that are compared stand in one x_t.
    """

    model: str
    source: Source
    t: float
    s: float
    steps: int = 1
    raw: bool = False
    sampler: Sampler = Sampler()
    carrier: Carrier | None = None


class Follow(Request, frozen=True):
    """Where the true flow takes the x_t of a model. Answered by Followed; newest wins.

    It is the flow of the data set itself: exact for mixtures, the empirical one for few pictures.
    """

    model: str
    source: Source
    t: float
    s: float
    raw: bool = False
    sampler: Sampler = Sampler()


class Fields(Request, frozen=True):
    """Velocities over a square of the plane (x, y, half of its side). Answered by FieldsAnswer."""

    model: str
    t: float
    s: float
    window: tuple[float, float, float]
    parts: int = 20
    sampler: Sampler = Sampler()


class Trace(Request, frozen=True):
    """Paths from t to s for points, learned and exact. Answered by Traced; newest wins.

    Arrays, float32: `learned` [k, paths, 2] by jumps from t to k times; `exact` the same and
    `exact_x_s` [count, 2], both only where the data set's exact map is known.
    """

    model: str
    source: Source
    t: float
    s: float
    points: int = 24
    paths: int = 48
    sampler: Sampler = Sampler()


class Pixels(Request, frozen=True):
    """Paths of chosen pixels of pictures, each (picture, row, column). Answered by PixelsTraced.

    Float32 in the payload: `learned` [k, pixels, channels] through about `points` times of the jump
    in `steps` steps, which ends where that jump ends; `exact`, only if the `truth` is wanted and
    known, along the true flow. Newest wins.
    """

    model: str
    source: Source
    t: float
    s: float
    pixels: tuple[tuple[int, int, int], ...]
    points: int = 24
    steps: int = 1
    sampler: Sampler = Sampler()
    truth: bool = False


class PictureFields(Request, frozen=True):
    """Velocities at the x_t of pictures, of the jump in `steps` steps. Newest wins.

    Answered by FieldsAnswer.
    """

    model: str
    source: Source
    t: float
    s: float
    steps: int = 1
    sampler: Sampler = Sampler()


class Chord(Request, frozen=True):
    """One place of the plane and what one jump does to it. Answered by ChordAnswer; newest wins."""

    model: str
    place: tuple[float, float]
    t: float
    s: float
    points: int = 24
    sampler: Sampler = Sampler()


class Map(Request, frozen=True):
    """One number at each of the places `cells`, (t, s). Answered by Mapped; newest wins.

    `middle` is where a semigroup defect cuts its jumps, as a share of the way; `other` is the
    model to compare with.
    """

    model: str
    kind: Probed
    source: Source
    cells: tuple[tuple[float, float], ...]
    middle: float = 0.5
    other: str = ""


class OpenStep(Request, frozen=True):
    """One training step of a model on `count` samples drawn from `seed`, opened. Newest wins.

    Answered by StepOpened.
    """

    model: str
    seed: int = 0
    count: int = 8


class Measure(Request, frozen=True):
    """How far samples made in `steps` steps are from data. Answered by Measured; newest wins."""

    model: str
    source: Source
    steps: int
    sampler: Sampler = Sampler()
