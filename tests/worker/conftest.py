"""Small specs that a worker trains in a moment."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.contract.specs import (
    MLP,
    Cadence,
    Data,
    FlowMatching,
    MeanFlow,
    RunSpec,
    Training,
    UNet,
)
from engine.runs.folder import RunFolder

POINTS = RunSpec(
    Data("eight-gaussians"),
    FlowMatching(),
    MLP(width=8, depth=1),
    training=Training(steps=20, batch=8, warmup=4, ema=(0.9, 0.99)),
    cadence=Cadence(save=6, keep=2, sample=5, count=9),
)
PICTURES = replace(
    POINTS,
    data=Data("emoji-16", labels=True, flip=True),
    method=MeanFlow(),
    network=UNet(channels=8, multipliers=(1.0,), blocks=1, attention=(), dropout=0.2),
    training=replace(POINTS.training, batch=4),
)


@pytest.fixture(params=["points", "pictures"])
def spec(request: pytest.FixtureRequest) -> RunSpec:
    return {"points": POINTS, "pictures": PICTURES}[request.param]


@pytest.fixture
def points() -> RunSpec:
    return POINTS


@pytest.fixture
def endless() -> RunSpec:
    """A training that ends only when it is ended."""
    return replace(
        POINTS,
        training=replace(POINTS.training, steps=10_000_000),
        cadence=Cadence(save=50, keep=2, sample=170, count=9),
    )


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "runs" / "first")
