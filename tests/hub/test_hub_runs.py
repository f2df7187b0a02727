"""Trainings are started, controlled and watched; whatever a worker does is told in words."""

import asyncio
from functools import partial

import msgspec
import pytest
from hub_support import hub_here, points_spec, soon, workers

from engine.contract.messages import (
    ControlRun,
    Done,
    EngineNote,
    GetRuns,
    Progress,
    ResumeRun,
    RunChanged,
    StartRun,
)
from engine.contract.specs import RunSpec, read_spec
from engine.hub.workspace import new_run_name

pytestmark = pytest.mark.usefixtures("fake_train")
FAKE = "fake_train_worker"
AFTER = {"pause": "paused", "continue": "running", "stop": "stopped"}


async def start(studio, name=""):
    answer = await studio.get(lambda id: StartRun(id, points_spec(), name))
    assert answer.run.state == "starting"
    return answer.run.name


def test_a_run_from_its_start_to_its_end(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            name = await start(studio)
            assert name == "meanflow-eight-gaussians-001"
            await studio.state(name, "running")
            await studio.notice(lambda m: isinstance(m, Progress) and m.run == name)
            for action in ("pause", "continue", "stop"):
                done = await studio.get(partial(ControlRun, run=name, action=action))
                assert isinstance(done, Done)
                info = await studio.state(name, AFTER[action])
            assert info.checkpoint == info.step > 0
            (known,) = (await studio.get(GetRuns)).runs
            assert known.state == "stopped"
            resumed = await studio.get(lambda id: ResumeRun(id, name))
            assert resumed.run.state == "starting"
            assert (await studio.state(name, "running")).step == 7
            await studio.get(lambda id: ControlRun(id, name, "save"))
            assert (await studio.state(name, "finished")).step == 100

    asyncio.run(check())
    log = (workspace / "runs" / "meanflow-eight-gaussians-001" / "log.txt").read_text()
    assert log.count("noise on stdout") == log.count("noise below Python") == 2


def test_two_runs_have_names_of_their_own_and_stop_with_the_stream(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            first, second = await start(studio), await start(studio)
            third = await start(studio, "My own name, ünï")
            assert (first[-3:], second[-3:]) == ("001", "002")
            for name in (first, second, third):
                await studio.state(name, "running")
            assert len(workers(FAKE)) == 3
            names = [run.name for run in (await studio.get(GetRuns)).runs]
            assert set(names) == {first, second, third}
            assert "already" in await studio.refusal(lambda id: StartRun(id, points_spec(), third))
            assert "already" in await studio.refusal(lambda id: ResumeRun(id, first))
        states = {m.run.name: m.run.state for m in studio.notices if isinstance(m, RunChanged)}
        assert states == dict.fromkeys((first, second, third), "stopped")

    asyncio.run(check())


def test_names_count_on_from_the_highest(workspace):
    for name in ("fm-d-001", "fm-d-007", "fm-d-x", "fm-d-", "fm-data-100"):
        (workspace / "runs" / name).mkdir(parents=True)
    values = {"data": {"name": "d"}, "method": {"kind": "fm"}, "network": {"kind": "mlp"}}
    spec = read_spec(values)
    assert isinstance(spec, RunSpec)
    assert new_run_name(workspace, spec) == "fm-d-008"
    assert new_run_name(workspace, spec, ("fm-d-009",)) == "fm-d-010"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dies", ("exit code 1", "It broke: the last line.")),
        ("killed", ("signal 9", "SIGKILL")),
        ("babbles", ("signal 9",)),
        ("refuses", ("There is no room for it.",)),
    ],
)
def test_a_worker_that_dies_is_told_in_words(workspace, name, words):
    async def check():
        async with hub_here(workspace) as studio:
            await start(studio, name)
            info = await studio.state(name, "failed")
            assert all(word in info.message for word in words), info.message
            assert info.message.endswith(".")
            if name != "refuses":
                (known,) = (await studio.get(GetRuns)).runs
                assert (known.state, known.message) == ("failed", info.message)
                assert (await studio.get(lambda id: ResumeRun(id, name))).run.message == ""
                await studio.state(name, "failed")

    asyncio.run(check())


def test_a_resumed_run_that_dies_names_its_checkpoint(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await start(studio, "killed")
            await studio.state("killed", "failed")
            await studio.get(lambda id: ResumeRun(id, "killed"))
            info = await studio.state("killed", "failed")
            assert "resume it from its checkpoint of step 7" in info.message

    asyncio.run(check())


def test_a_run_that_loads_is_as_far_as_it_was(workspace):
    sealed = workspace / "runs" / "stillborn" / "checkpoints" / "000040"

    async def check():
        async with hub_here(workspace) as studio:
            await start(studio, "stillborn")
            await studio.state("stillborn", "running")
            await studio.get(lambda id: ControlRun(id, "stillborn", "stop"))
            await studio.state("stillborn", "stopped")
            sealed.mkdir()
            (sealed / "manifest.json").touch()
            studio.notices.clear()
            resumed = await studio.get(lambda id: ResumeRun(id, "stillborn"))
            assert (resumed.run.step, resumed.run.checkpoint) == (40, 40)
            info = await studio.state("stillborn", "failed")  # while it was loading
            assert {m.step for m in studio.notices if isinstance(m, Progress)} <= {40}
            assert (info.step, info.steps, info.checkpoint) == (40, 60, 40)
            assert "resume it from its checkpoint of step 40" in info.message

    asyncio.run(check())


def test_notes_of_a_worker_reach_the_log_panel(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await start(studio, "noted")
            note = await studio.notice(lambda m: isinstance(m, EngineNote))
            assert note == EngineNote("warning", "a note")

    asyncio.run(check())


def test_progress_comes_at_the_pace_of_the_eye(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await start(studio, "floods")
            await studio.notice(lambda m: isinstance(m, Progress) and m.step >= 2999)
            assert len([m for m in studio.notices if isinstance(m, Progress)]) < 500

    asyncio.run(check())


def test_a_worker_that_does_not_leave_is_ended(workspace, monkeypatch):
    monkeypatch.setattr("engine.hub.ending.STEP", 0.2)
    monkeypatch.setattr("engine.hub.ending.TOLD", 0.2)

    async def check():
        async with hub_here(workspace) as studio:
            await start(studio, "stubborn")
            await studio.state("stubborn", "running")
            await soon(lambda: len(workers(FAKE)) == 1)

    asyncio.run(check())
    assert not workers(FAKE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training.batch": 10**9}, "Batch"),
        ({"data.name": "no-such-data"}, "no-such-data"),
        ({"data.name": "emoji-16"}, "unet"),
        ({"training.steps": 3}, "Warm-up"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(workspace, change, words):
    values = msgspec.to_builtins(points_spec())
    for key, value in change.items():
        group, name = key.split(".")
        values[group][name] = value
    spec = msgspec.convert(values, RunSpec)

    async def check():
        async with hub_here(workspace) as studio:
            assert words in await studio.refusal(lambda id: StartRun(id, spec))
            assert (await studio.get(GetRuns)).runs == ()

    asyncio.run(check())
    assert not workspace.exists()


def test_only_a_run_at_work_is_controlled(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            name = await start(studio)
            await studio.state(name, "running")
            await studio.get(lambda id: ControlRun(id, name, "stop"))
            await studio.state(name, "stopped")
            text = await studio.refusal(lambda id: ControlRun(id, name, "pause"))
            assert "resume it first" in text
            assert "no run" in await studio.refusal(lambda id: ControlRun(id, "gone", "pause"))

    asyncio.run(check())
