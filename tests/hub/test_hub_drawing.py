"""A drawing goes through a real hub into the workspace, and a points preset trains on it."""

import asyncio

import numpy as np
import pytest
import torch
from hub_support import hub_here
from msgspec.structs import replace

from engine.contract.catalogue import presets
from engine.contract.messages import GetCatalogue, ImportPoints
from engine.contract.specs import Cadence, Data
from engine.data.open import open_data
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.worker.session import train_session

ANGLE = np.linspace(0, 2 * np.pi, 400, dtype=np.float32)
RING = np.stack((np.cos(ANGLE), np.sin(ANGLE)), 1).astype("<f4")


def test_a_drawing_is_kept_beside_everything_else(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            keep = lambda id: ImportPoints(id, "ring", RING.tobytes())  # noqa: E731
            kept = await studio.get(keep)
            assert (kept.data.name, kept.data.count, kept.skipped) == ("ring", 400, ())
            assert kept.data in (await studio.get(GetCatalogue)).data
            assert "already a data set 'ring'" in await studio.refusal(keep)

    asyncio.run(check())
    assert torch.equal(open_data("ring", workspace).all(), torch.from_numpy(RING))


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("torn", RING.tobytes()[:-3], "'torn' is no list of points"),
        ("odd", RING.tobytes()[:-4], "'odd' is no list of points"),
        ("none", b"", "at least 2"),
        ("../up", RING.tobytes(), "cannot be the name"),
    ],
)
def test_a_drawing_that_is_none_is_one_sentence(workspace, name, raw, words):
    async def check():
        async with hub_here(workspace) as studio:
            assert words in await studio.refusal(lambda id: ImportPoints(id, name, raw))

    asyncio.run(check())
    assert not list(workspace.rglob("data.h5"))


def test_a_points_preset_trains_on_a_drawing(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: ImportPoints(id, "ring", RING.tobytes()))

    asyncio.run(check())
    preset = presets()["points-meanflow"].spec
    spec = replace(
        preset,
        data=Data("ring"),
        training=replace(preset.training, steps=6, batch=32, warmup=1),
        cadence=Cadence(save=6, sample=6, count=16),
    )
    folder = workspace / "runs" / "drawn"
    assert train_session(folder, spec, workspace, threads=1).how == "finished"
    loss = read_history(RunFolder(folder)).curve("loss")
    assert np.isfinite(loss).all()
