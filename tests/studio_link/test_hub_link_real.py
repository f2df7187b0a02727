"""The link and the models against the engine's own hub."""

import contextlib
import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from loops import run, until

from engine.contract.specs import MLP, Data, MeanFlow, RunSpec, Training
from studio.link.hub_link import HubLink
from studio.model.models import Models

SPEC = RunSpec(
    Data("eight-gaussians"),
    MeanFlow(),
    MLP(width=32, depth=2),
    training=Training(steps=10**6, batch=16),
)


def test_the_hub_fills_the_form_dies_and_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        link = HubLink(tmp_path / "workspace", log=tmp_path / "log")
        models = Models(link, tmp_path / "studio.ini")
        await models.engine.start()
        assert models.engine.hello is not None, models.engine.message
        assert models.engine.hello.workspace == str(tmp_path / "workspace")
        await until(lambda: models.catalogue.presets)
        for preset in models.catalogue.presets:
            models.form.choose_preset(preset.name)
            here = models.catalogue.data_set(preset.spec.data.name) is not None
            assert [p.key for p in models.form.problems()] == ([] if here else ["data.name"])
            assert not models.form.modified
        os.kill(link.pid, signal.SIGKILL)
        await until(lambda: models.engine.state == "failed")
        await models.engine.restart()
        assert models.engine.state == "ready"
        await models.runs.refresh()
        assert models.runs.runs == []
        await models.engine.stop()
        assert models.engine.state == "stopped"

    run(scenario())


def test_a_training_outlives_its_window_and_the_next_one_goes_on_with_its_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = tmp_path / "r"
    sockets.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(sockets))
    before: set[float] = set()
    hubs: list[int] = []

    async def opened() -> Models:
        models = Models(HubLink(tmp_path / "workspace", log=tmp_path / "log"), tmp_path / "s.ini")
        await models.engine.start()
        assert models.engine.hello is not None, models.engine.message
        hubs.append(models.engine.hello.pid)
        return models

    async def first() -> None:
        models = await opened()
        assert not models.engine.detached
        await models.runs.start(SPEC, "kept")
        await models.runs.queue(SPEC)
        followed = models.runs.current
        assert followed is not None
        await until(lambda: len(followed.steps) > 20)
        await models.engine.detach()
        before.update(followed.steps)
        await models.engine.stop()
        assert models.engine.state == "stopped"
        assert psutil.pid_exists(hubs[0])

    async def second() -> None:
        models = await opened()
        assert hubs[1] == hubs[0]
        assert models.engine.detached
        await until(lambda: models.runs.find("kept") and models.queue.waiting)
        followed = await models.runs.open("kept")
        assert followed.info.state == "running"
        await until(lambda: len(followed.steps) > len(before) + 20)
        np.testing.assert_array_equal(followed.steps, np.arange(1, len(followed.steps) + 1))
        os.kill(models.link.pid, signal.SIGKILL)  # a pump: the connection is lost
        await until(lambda: models.engine.state == "failed")
        assert "connection to the engine was lost (signal 9)" in models.engine.message
        await until(lambda: models.engine.state == "ready")
        assert models.engine.hello is not None
        assert models.engine.hello.pid == hubs[0]
        await until(lambda: followed.info.state == "running")
        seen = len(followed.steps)
        await until(lambda: len(followed.steps) > seen + 20)
        np.testing.assert_array_equal(followed.steps, np.arange(1, len(followed.steps) + 1))
        await models.queue.hold(True)
        await models.engine.detach(False)
        await followed.control("stop")
        await until(lambda: followed.info.state == "stopped")
        await models.engine.stop()
        await until(lambda: not psutil.pid_exists(hubs[0]))

    try:
        run(first())
        run(second())
    finally:
        for process in hubs[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
