"""Messages about runs: what the studio asks the hub, what it answers, and its notices."""

from typing import Literal

from msgspec import Struct

from engine.contract.arrays import Array
from engine.contract.messages.base import Message, Request
from engine.contract.specs import RunSpec

Action = Literal["pause", "continue", "stop", "save", "sample"]

State = Literal["starting", "running", "paused", "stopping", "finished", "stopped", "failed"]


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
