"""Messages about runs: what the studio asks the hub, what it answers, and its notices."""

from typing import Literal

from msgspec import Struct

from engine.contract.arrays import Array
from engine.contract.messages.base import Message, Request
from engine.contract.specs import RunSpec

Action = Literal["pause", "continue", "stop", "save", "sample", "kill"]

State = Literal[
    "queued", "starting", "running", "silent", "paused", "stopping", "finished", "stopped", "failed"
]


class GetRuns(Request, frozen=True):
    """Answered by Runs."""


class StartRun(Request, frozen=True):
    """Start a run in a new folder called `name` (chosen by the hub if empty). -> RunAnswer.

    With `queue` it waits for its turn: the spec is kept as it is now, and the name is taken.
    """

    spec: RunSpec
    name: str = ""
    queue: bool = False


class ResumeRun(Request, frozen=True):
    """Go on with a stopped run from its newest sealed checkpoint. Answered by RunAnswer.

    With `queue` it waits for its turn; without, it goes on now, also where it was waiting, and
    with `changes`: key and value of `training` or `cadence`, other than in spec.toml from here on.
    """

    run: str
    queue: bool = False
    changes: tuple[tuple[str, str], ...] = ()


class ControlRun(Request, frozen=True):
    """Pause, continue, stop (and save), save now or sample now. Answered by Done.

    A stop that is not met is followed by SIGTERM and then SIGKILL, and RunInfo.message counts down
    to them; never while it saves. `kill` ends the process at once: what is not sealed is lost.
    """

    run: str
    action: Action


class GetQueue(Request, frozen=True):
    """Answered by Queue."""


class MoveRun(Request, frozen=True):
    """Put a run that waits at `place`, 0: next; one with a problem is tried again. -> Queue."""

    run: str
    place: int


class TakeOut(Request, frozen=True):
    """Let a run wait no more: one that never began is gone with it. Answered by Queue."""

    run: str


class SetQueue(Request, frozen=True):
    """Hold or release the queue; how many runs it trains at once on each device. -> Queue.

    None leaves it as it is. What is being trained goes on while the queue is held.
    """

    held: bool | None = None
    at_once: int | None = None


class Detach(Request, frozen=True):
    """Let the engine train on when this stream ends; without `on`, no longer so. -> Done.

    The next window on this workspace meets it again by the command that starts an engine.
    """

    on: bool = True


class ReadJournal(Request, frozen=True):
    """Bytes of the run's journal from `offset`; the reader's pace is the flow control. -> Chunk."""

    run: str
    offset: int


class ReadSample(Request, frozen=True):
    """The file `samples/FILE` of a run as it lies on disk. Answered by Chunk."""

    run: str
    file: str


class ReadLog(Request, frozen=True):
    """The last `size` bytes of a run's log, which its workers' own words are in. -> Chunk."""

    run: str
    size: int


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
    place: int = -1  # in the queue, 0: next; -1 where it does not wait


class Runs(Message, frozen=True):
    """All runs of the workspace, newest first."""

    id: int
    runs: tuple[RunInfo, ...]


class RunAnswer(Message, frozen=True):
    """The run that was started or resumed."""

    id: int
    run: RunInfo


class Queue(Message, frozen=True):
    """The names of the runs that wait, the next one first. An answer, or a notice (without `id`).

    Runs lists them too, in the state `queued` with their `place`; `message` says where one could
    not begin. A queued row whose name is no longer in `runs` and that no RunChanged moved is gone.
    """

    runs: tuple[str, ...]
    held: bool
    at_once: int
    id: int | None = None


class SpecAnswer(Message, frozen=True):
    """A run's spec."""

    id: int
    spec: RunSpec


class FilmAnswer(Message, frozen=True):
    """Steps of the frames and of the sealed checkpoints of a run, oldest first, and the run.

    A shipped model has such a run too, which is in no list of runs; its last step is the model.
    """

    id: int
    steps: tuple[int, ...]
    run: RunInfo


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
    """Notice: a run is in a new state, or its message or its place in the queue is new."""

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


class VerifyRun(Request, frozen=True):
    """Train the newest stretch of a run anew, at most `steps` of it, and compare. -> Verified."""

    run: str
    steps: int = 0


class TryStep(Request, frozen=True):
    """Train a few steps of a spec, to tell what all of it will take. Answered by Tried."""

    spec: RunSpec


class CancelCheck(Request, frozen=True):
    """Give up the VerifyRun or TryStep with the id `check`; it is refused. Answered by Done."""

    check: int


class Verified(Message, frozen=True):
    """Whether training anew gave what lies on the disk, and a sentence that says what of it."""

    id: int
    same: bool
    message: str


class Tried(Message, frozen=True):
    """What a training will take: its peak memory and a checkpoint in bytes, updates a second,
    seconds for all of it.
    """

    id: int
    device: str
    memory: int
    rate: float
    seconds: float
    checkpoint: int


class CheckProgress(Message, frozen=True):
    """Notice: how far the VerifyRun or TryStep with the id `check` is."""

    check: int
    done: int
    total: int
