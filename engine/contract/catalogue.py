"""The methods, presets, data sets and models that a person can choose from."""

import re
import tomllib
from typing import Literal

import msgspec
from msgspec import Struct, structs

from engine.contract.assets import asset
from engine.contract.specs import EXACT, Problem, RunSpec, read_spec, teacher_of

Capability = Literal["velocity", "endpoint", "dyadic", "flow map"]
_DATA_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d")  # Windows gives no file such a name


class Method(Struct, frozen=True):
    """A training method: its name, what its models may be asked, and where it comes from.

    `cost` is the processor time of a step against one of flow matching with the same network, as
    `python -m tests.bench costs` measured it on 2026-11-23 (emoji at 16 px, one thread), in the
    first steps: alphaFlow and CMT take more later, when alpha has fallen and when tuning begins.
    """

    name: str
    title: str
    capability: Capability
    summary: str
    citation: str
    needs: tuple[str, ...] = ()
    cost: float = 1.0


class Grid(Struct, frozen=True):
    """Steps that a dyadic model knows: 2^k / `parts` long, k >= 0, each from its own multiples.

    None is longer than `longest` / `parts`.
    """

    parts: int = 128  # of the way between data and noise (Shortcut, arXiv 2410.12557)
    longest: int = 1 << 20


class Guidance(Struct, frozen=True):
    """How a model can be guided while sampling, and how it is where nothing is chosen.

    By strengths from `least` to `most`; by `omega` while `start` <= t <= `end` (1: not at all). A
    model that is `told` its guidance takes one evaluation, another two.
    """

    least: float = 0.0
    most: float = 100.0
    omega: float = 1.0
    start: float = 0.0
    end: float = 1.0
    told: bool = False

    def chosen(self, omega: float | None, start: float | None, end: float | None) -> "Guidance":
        """The same with what was chosen."""
        wanted = {"omega": omega, "start": start, "end": end}
        return structs.replace(self, **{k: v for k, v in wanted.items() if v is not None})


class DataSet(Struct, frozen=True):
    """A data set: `shape` of one sample, (2,) or (channels, height, width)."""

    name: str
    title: str
    kind: Literal["points", "images"]
    shape: tuple[int, ...]
    count: int = 0  # 0: drawn afresh without end
    labels: tuple[str, ...] = ()
    exact: bool = False  # the exact flow map is known
    source: str = ""
    sealed: str = ""  # SHA-256 of the file of an imported one


class Preset(Struct, frozen=True):
    """A spec with a name and a sentence."""

    name: str
    title: str
    summary: str
    spec: RunSpec


class Model(Struct, frozen=True):
    """A model that can be explored: a shipped one, a run's newest EMA, or a file."""

    name: str
    title: str
    method: str
    capability: Capability
    data: DataSet
    step: int
    ema: float
    parameters: int = 0
    note: str = ""
    grid: Grid = Grid()  # of a dyadic model
    guidance: Guidance | None = None  # None: it cannot be guided while sampling


METHODS = (
    Method(
        "fm",
        "Flow matching",
        "velocity",
        "The velocity baseline: many small steps along the ODE.",
        "Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv 2209.03003",
        cost=1,
    ),
    Method(
        "edm",
        "EDM",
        "velocity",
        "The velocity with EDM's times and weight: many small steps, and a good teacher.",
        "Karras et al. 2022, arXiv 2206.00364",
        cost=1,
    ),
    Method(
        "pd",
        "Progressive distillation",
        "dyadic",
        "Halves the number of steps, stage by stage, each taught by the one before.",
        "Salimans and Ho 2022, arXiv 2202.00512",
        ("teacher",),
        cost=1.71,
    ),
    Method(
        "reflow",
        "Reflow",
        "velocity",
        "Straightens a teacher's flow, so that few steps suffice.",
        "Liu et al. 2023, arXiv 2209.03003",
        ("teacher",),
        cost=0.99,
    ),
    Method(
        "cd",
        "CD",
        "endpoint",
        "Consistency distillation: learns where a teacher's trajectories end, one step of the "
        "teacher at a time.",
        "Song et al. 2023, arXiv 2303.01469",
        ("teacher",),
        cost=2.13,
    ),
    Method(
        "ct",
        "CT",
        "endpoint",
        "Consistency training: learns where trajectories end without a teacher, on a grid that "
        "grows.",
        "Song et al. 2023, arXiv 2303.01469",
        cost=1.4,
    ),
    Method(
        "ict",
        "iCT",
        "endpoint",
        "Improved consistency training: on a doubling grid, with a robust "
        "distance and no moving target.",
        "Song and Dhariwal 2023, arXiv 2310.14189",
        cost=1.34,
    ),
    Method(
        "ecm",
        "ECM",
        "endpoint",
        "Easy consistency tuning: starts as diffusion and becomes a consistency model in stages.",
        "Geng et al. 2024, arXiv 2406.14548",
        cost=1.36,
    ),
    Method(
        "sct",
        "sCT",
        "endpoint",
        "Continuous-time consistency training: from any time to data in one step, learned in "
        "continuous time from data alone.",
        "Lu and Song 2024, arXiv 2410.11081",
        ("forward-mode derivative",),
        cost=2.32,
    ),
    Method(
        "scd",
        "sCD",
        "endpoint",
        "Continuous-time consistency distillation: from any time to data in one step, learned in "
        "continuous time from a teacher.",
        "Lu and Song 2024, arXiv 2410.11081",
        (
            "teacher",
            "forward-mode derivative",
        ),
        cost=2.73,
    ),
    Method(
        "cmt",
        "CMT",
        "endpoint",
        "Consistency mid-training: learns a teacher's whole trajectories first, then tunes as a "
        "consistency model.",
        "Hu et al. 2025, arXiv 2509.24526",
        ("teacher",),
        cost=1.01,
    ),
    Method(
        "ctm",
        "CTM",
        "flow map",
        "Consistency trajectory model: learns any jump along a teacher's trajectories, the "
        "velocity, and to pass for data.",
        "Kim et al. 2024, arXiv 2310.02279",
        ("teacher",),
        cost=6.51,
    ),
    Method(
        "shortcut",
        "Shortcut",
        "dyadic",
        "Learns steps of halving length, each from two of half its length.",
        "Frans et al. 2024, arXiv 2410.12557",
        cost=1.39,
    ),
    Method(
        "meanflow",
        "MeanFlow",
        "flow map",
        "Learns the average velocity of any jump, so one step suffices.",
        "Geng et al. 2025, arXiv 2505.13447",
        ("forward-mode derivative",),
        cost=1.56,
    ),
    Method(
        "imf",
        "iMF",
        "flow map",
        "Improved MeanFlow: MeanFlow along the model's own velocity, which scatters less.",
        "Geng et al. 2025, arXiv 2512.02012",
        ("forward-mode derivative",),
        cost=2.74,
    ),
    Method(
        "alphaflow",
        "alphaFlow",
        "flow map",
        "Learns whole jumps along straight lines at first, and ends as MeanFlow.",
        "Zhang et al. 2025, arXiv 2510.20771",
        ("forward-mode derivative",),
        cost=1.02,
    ),
    Method(
        "psd",
        "PSD",
        "flow map",
        "Progressive self-distillation, SplitMeanFlow: learns each jump from its own two parts, "
        "without a derivative.",
        "Boffi et al. 2025, arXiv 2505.18825; Guo et al. 2025, arXiv 2507.16884",
        cost=1.38,
    ),
    Method(
        "lsd",
        "LSD",
        "flow map",
        "Lagrangian self-distillation: learns how the end of a jump moves with the time it leads "
        "to.",
        "Boffi et al. 2025, arXiv 2505.18825",
        ("forward-mode derivative",),
        cost=3.22,
    ),
    Method(
        "tvm",
        "TVM",
        "flow map",
        "Terminal velocity matching: learns the velocity where a jump ends, against a moving "
        "average.",
        "Zhou et al. 2025, arXiv 2511.19797",
        ("forward-mode derivative",),
        cost=5.91,
    ),
)

POINT_SETS = (
    DataSet("eight-gaussians", "Eight Gaussians", "points", (2,), exact=True),
    DataSet("checkerboard", "Checkerboard", "points", (2,)),
    DataSet("two-moons", "Two moons", "points", (2,), exact=True),
    DataSet("pinwheel", "Pinwheel", "points", (2,), exact=True),
    DataSet("spiral", "Spiral", "points", (2,), exact=True),
    DataSet("rings", "Rings", "points", (2,), exact=True),
)


def data_problems(spec: RunSpec, data: DataSet) -> list[Problem]:
    """Why this spec cannot be trained on this data set, beyond what `problems` finds."""
    found = []
    if spec.data.labels and data.kind == "images" and not data.labels:
        found.append(Problem("data.labels", f"{data.name} has no labels to condition on."))
    teacher = teacher_of(spec)
    if teacher and teacher.source == EXACT and not data.exact:
        found.append(
            Problem(
                "method.teacher.source",
                f"The exact flow of {data.name} is not known; name a run as the teacher, or leave "
                "it empty to train one first.",
            )
        )
    return found


def data_name_problem(name: str) -> str:
    """Why `name` cannot be that of an imported data set, in a sentence; "" where it can."""
    if _DATA_NAME.fullmatch(name) and not _RESERVED.fullmatch(name):
        return ""
    return (
        f"{name!r} cannot be the name of a data set; use up to 64 small letters, digits, "
        "'-' and '_', beginning with a letter or digit."
    )


def name_taken(name: str) -> str:
    """The sentence for a name that another data set has."""
    return f"There is already a data set {name!r}; choose another name."


def shipped_data() -> tuple[DataSet, ...]:
    """The data sets that come with the program."""
    packs = sorted(asset("data").glob("*.json"))
    return POINT_SETS + tuple(msgspec.json.decode(p.read_bytes(), type=DataSet) for p in packs)


def shipped_models() -> tuple[str, ...]:
    """Names of the models that come with the program."""
    return tuple(p.stem for p in sorted(asset("models").glob("*.safetensors")))


def presets() -> dict[str, Preset]:
    """The shipped presets by name, in the order of their files' names."""
    found = {}
    for path in sorted(asset("presets").glob("*.toml")):
        values = tomllib.loads(path.read_text("utf-8"))
        title, summary = values.pop("title"), values.pop("summary")
        spec = read_spec({**values, "preset": path.stem})
        found[path.stem] = Preset(path.stem, title, summary, spec)
    return found


def method(name: str) -> Method:
    """The method called `name`. Raises KeyError."""
    return {m.name: m for m in METHODS}[name]
