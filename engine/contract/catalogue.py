"""The methods, presets, data sets and models that a person can choose from."""

import tomllib
from typing import Literal

import msgspec
from msgspec import Struct

from engine.contract.assets import asset
from engine.contract.specs import RunSpec, read_spec

Capability = Literal["velocity", "endpoint", "dyadic", "flow map"]


class Method(Struct, frozen=True):
    """A training method: its name, what its models may be asked, and where it comes from."""

    name: str
    title: str
    capability: Capability
    summary: str
    citation: str
    needs: tuple[str, ...] = ()


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


METHODS = (
    Method(
        "fm",
        "Flow matching",
        "velocity",
        "The velocity baseline: many small steps along the ODE.",
        "Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv 2209.03003",
    ),
    Method(
        "meanflow",
        "MeanFlow",
        "flow map",
        "Learns the average velocity of any jump, so one step suffices.",
        "Geng et al. 2025, arXiv 2505.13447",
        ("forward-mode derivative",),
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
