"""Every message of the two streams, studio <-> hub and hub <-> worker, in one table.

Rules. Each side sends `Hello` first; differing protocols end the stream with a sentence. A request
carries a fresh `id` and gets exactly one answer with that `id`: the one named in its docstring, or
`Refused`. Notices (no `id`) come at any time and are newest-wins: the receiver may drop all but the
last. An unknown message type is refused, not fatal. A closed stream means stop.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from engine.contract.arrays import Array
from engine.contract.catalogue import DataSet, Method, Model, Preset
from engine.contract.legality import How
from engine.contract.maps import Probed
from engine.contract.source import Sample as Sample
from engine.contract.source import Source as Source
from engine.contract.specs import RunSpec
from engine.contract.version import PROTOCOL, VERSION

Action = Literal["pause", "continue", "stop", "save", "sample"]
Solver = Literal["euler", "heun", "rk4", "dpm++2m"]
State = Literal["starting", "running", "paused", "stopping", "finished", "stopped", "failed"]


class Message(Struct, frozen=True, tag_field="type", tag=str.lower):
    """Base of all messages; the tag is the class name in lower case."""


class Request(Message, frozen=True):
    """Something that is answered."""

    id: int


# Both directions.


class Hello(Message, frozen=True):
    """First message of either side. `torch` is its version, empty where it is not installed."""

    program: str
    protocol: int = PROTOCOL
    version: str = VERSION
    pid: int = 0
    torch: str = ""
    device: str = ""
    cores: int = 0
    workspace: str = ""


SUPERSEDED = "superseded"


class Refused(Message, frozen=True):
    """A request could not be met: one sentence for the user.

    Or the word `SUPERSEDED`: it was given up for something that goes before it.
    """

    id: int
    message: str


class Done(Message, frozen=True):
    """A request was met and has nothing more to say."""

    id: int


# Studio -> hub.


class GetCatalogue(Request, frozen=True):
    """Answered by Catalogue."""


class GetRuns(Request, frozen=True):
    """Answered by Runs."""


class StartRun(Request, frozen=True):
    """Start a run in a new folder called `name` (chosen by the hub if empty). -> RunAnswer."""

    spec: RunSpec
    name: str = ""


class ResumeRun(Request, frozen=True):
    """Go on with a stopped run from its newest sealed checkpoint. Answered by RunAnswer."""

    run: str


class ControlRun(Request, frozen=True):
    """Pause, continue, stop (and save), save now or sample now. Answered by Done."""

    run: str
    action: Action


class ReadJournal(Request, frozen=True):
    """Bytes of the run's journal from `offset`; the reader's pace is the flow control. -> Chunk."""

    run: str
    offset: int


class ReadSample(Request, frozen=True):
    """The file `samples/FILE` of a run as it lies on disk. Answered by Chunk."""

    run: str
    file: str


class ReadSpec(Request, frozen=True):
    """The spec a run was started with. Answered by SpecAnswer."""

    run: str


class ReadStart(Request, frozen=True):
    """The spec of the model `start` that a run is to start from. Answered by SpecAnswer.

    Of a `run` that did, the one that its own copy of these weights tells, where it has one.
    """

    start: str
    run: str = ""


class ReadFilm(Request, frozen=True):
    """The steps of a run whose averages can be looked at, as RUN@STEP. Answered by FilmAnswer."""

    run: str


class ReadLoss(Request, frozen=True):
    """The training loss of a run over (t, s) at a kept step, -1: the newest. -> LossAnswer."""

    run: str
    step: int = -1


class ImportData(Request, frozen=True):
    """Import a folder of pictures or a file of points as data set `name`. Answered by Imported."""

    path: str
    name: str


class ImportPoints(Request, frozen=True):
    """Keep points that a person drew, float32 [n, 2], as data set `name`. Answered by Imported."""

    name: str
    points: bytes


class Export(Request, frozen=True):
    """Run `flowmap-engine COMMAND --out PATH` beside everything else. Answered by Exported."""

    command: tuple[str, ...]
    path: str


class CancelExport(Request, frozen=True):
    """Give up the export with the id `export`; that one is refused. Answered by Done."""

    export: int


# Studio -> hub -> explore worker.


class OpenModel(Request, frozen=True):
    """Load (or reload, where newer) a shipped model, run or file. Answered by Opened."""

    model: str


class Look(Request, frozen=True):
    """One sample that x_t may come from: whether it is there, and what it looks like. -> Looked.

    A picture `file`, by its absolute path, is taken into the workspace first.
    """

    model: str
    sample: Sample
    file: str = ""


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


# Hub -> studio.


class Catalogue(Message, frozen=True):
    """Everything that can be chosen."""

    id: int
    methods: tuple[Method, ...]
    presets: tuple[Preset, ...]
    data: tuple[DataSet, ...]
    models: tuple[str, ...]


class RunInfo(Struct, frozen=True):
    """A run as its folder and its process show it; never a stored word."""

    name: str
    title: str
    method: str
    data: str
    data_kind: str
    state: State
    step: int
    steps: int
    changed: float = 0.0  # unix time of the last change
    message: str = ""
    checkpoint: int = -1  # newest sealed step, -1 if none
    start: str = ""  # the model whose weights it started from, RUN@STEP of a run


class Runs(Message, frozen=True):
    """All runs of the workspace, newest first."""

    id: int
    runs: tuple[RunInfo, ...]


class RunAnswer(Message, frozen=True):
    """The run that was started or resumed."""

    id: int
    run: RunInfo


class SpecAnswer(Message, frozen=True):
    """A run's spec."""

    id: int
    spec: RunSpec


class FilmAnswer(Message, frozen=True):
    """Steps of the frames and of the sealed checkpoints of a run, oldest first."""

    id: int
    steps: tuple[int, ...]


class LossAnswer(Message, frozen=True):
    """Float32 in the payload, [parts, parts] by t and s, after `step` updates of a run.

    `sums` of errors and `counts` of samples, both faded alike: their ratio is the mean.
    """

    id: int
    step: int
    arrays: tuple[Array, ...]


class Chunk(Message, frozen=True):
    """Bytes in the payload; `end` is the offset behind them, `size` that of the whole file."""

    id: int
    end: int
    size: int


class Imported(Message, frozen=True):
    """A data set was imported; `skipped` names files that were not pictures, with the reason."""

    id: int
    data: DataSet
    skipped: tuple[str, ...] = ()


class Exported(Message, frozen=True):
    """A file was written, whole."""

    id: int
    path: str
    size: int  # bytes


class ExportProgress(Message, frozen=True):
    """Notice: how far the export with the id `export` is; `total` is 0 while that is not known."""

    export: int
    done: int
    total: int


class RunChanged(Message, frozen=True):
    """Notice: a run is in a new state."""

    run: RunInfo


class Progress(Message, frozen=True):
    """Notice, worker -> hub -> studio: the heartbeat of a training, about 10 a second."""

    run: str
    state: State
    phase: str  # loading, compiling, training, saving, sampling, waiting
    step: int
    steps: int
    rate: float = 0.0  # steps a second, this session
    eta: float = -1.0  # seconds, -1: estimating
    journal: int = 0  # bytes on disk
    memory: int = 0  # bytes of the worker
    checkpoint: int = -1
    error: float | None = None  # newest value of the metric `error`


class EngineNote(Message, frozen=True):
    """Notice: a line for the log panel."""

    level: Literal["info", "warning", "error"]
    text: str


# Explore worker -> hub -> studio.


class Opened(Message, frozen=True):
    """A model stands ready."""

    id: int
    model: Model


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


class RoundTrip(Struct, frozen=True):
    """Data carried up to t and back: its root mean square error, in the data's units.

    From t = 1 also what all numbers of that noise say together: standard deviation, kurtosis and
    Kolmogorov-Smirnov distance to a standard normal; else -1.
    """

    error: float
    deviation: float = -1.0
    kurtosis: float = -1.0
    distance: float = -1.0


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


# Hub -> explore worker.


class Threads(Message, frozen=True):
    """Use so many threads from now on."""

    count: int


# Hub -> train worker.


class Train(Message, frozen=True):
    """Train in `folder`: a new run with `spec`, or, without one, the run that lies there."""

    folder: str
    workspace: str
    spec: RunSpec | None = None
    threads: int = 0


class Control(Message, frozen=True):
    """An action at the next step."""

    action: Action


class Left(Message, frozen=True):
    """Last message of a train worker: how it ended, in the journal's words."""

    how: Literal["finished", "stopped", "failed"]
    step: int
    message: str = ""


AnyMessage = (
    Hello | Refused | Done | GetCatalogue | GetRuns | StartRun | ResumeRun | ControlRun
    | ReadJournal | ReadSample | ReadSpec | ReadStart | ReadFilm | ReadLoss | ImportData
    | OpenModel | Look | Jump | Follow | Fields | Trace | Map | Measure | OpenStep | Catalogue
    | Runs | RunAnswer | SpecAnswer | FilmAnswer | LossAnswer | Chunk | Imported | RunChanged
    | Export | CancelExport | Exported | ExportProgress | Progress | EngineNote | Opened
    | Looked | Jumped | Followed | FieldsAnswer | Traced | Mapped | Measured | StepOpened
    | Threads | Train | Control | Left | ImportPoints
)  # fmt: skip

_DECODER = msgspec.json.Decoder(AnyMessage)


class MessageError(Exception):
    """A header that is no message of this protocol."""


def encode(message: Message) -> bytes:
    """The header bytes of a message."""
    return msgspec.json.encode(message)


def decode(header: bytes) -> AnyMessage:
    """The message of a header. Raises MessageError, also for nesting too deep to read."""
    try:
        message: AnyMessage = _DECODER.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"unreadable message: {error}") from error
    return message
