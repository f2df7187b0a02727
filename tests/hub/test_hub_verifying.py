"""Checks of a run and of a spec: in a process of their own, told how far, given up when asked."""

import asyncio

from hub_support import hub_here, points_spec, soon, workers
from msgspec.structs import replace

from engine.contract.messages import (
    CancelCheck,
    CheckProgress,
    ControlRun,
    Done,
    Progress,
    ResumeRun,
    StartRun,
    Tried,
    TryStep,
    Verified,
    VerifyRun,
)
from engine.contract.specs import Training
from engine.hub import verifying
from engine.runs import checkpoint
from engine.runs.changes import standing
from engine.runs.folder import RunFolder
from engine.worker.session import train_session


def trained(workspace):
    run = RunFolder(workspace / "runs" / "a b")
    train_session(run.path, points_spec(), workspace, threads=1)
    return run


def checks():
    return workers(verifying.WORKER)


def test_a_run_is_verified_with_progress_and_left_as_it_is(workspace):
    run = trained(workspace)

    async def check():
        async with hub_here(workspace) as studio:
            found = await studio.get(lambda id: VerifyRun(id, run.name))
            assert isinstance(found, Verified)
            assert found.same
            assert "from step 40 to 60: 20 rows of metrics" in found.message
            told = [m for m in studio.notices if isinstance(m, CheckProgress)]
            assert told[-1] == CheckProgress(found.id, 20, 20)
            spoil(run)
            found = await studio.get(lambda id: VerifyRun(id, run.name))
            assert not found.same
            assert "differ from what lies on the disk" in found.message
            assert "no run 'nobody'" in await studio.refusal(lambda id: VerifyRun(id, "nobody"))

    asyncio.run(check())
    assert not checks()


def spoil(run):
    """Another weight in a checkpoint that verifies."""
    found = checkpoint.newest(run)
    tensors = {name: found.tensors(name) for name in found.files()}
    next(iter(tensors["model"].values())).add_(1e-3)
    checkpoint.seal(run, found.step, tensors, found.state())


def test_a_spec_is_tried_and_what_cannot_be_is_refused_in_a_sentence(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            found = await studio.get(lambda id: TryStep(id, points_spec(steps=100_000)))
            assert isinstance(found, Tried)
            assert found.device == "cpu"
            assert found.memory > 50 << 20
            assert found.checkpoint > 1000
            assert found.rate > 0
            assert found.seconds > 100_000 / found.rate / 2
            bad = replace(points_spec(), training=Training(batch=0))
            assert "Batch" in await studio.refusal(lambda id: TryStep(id, bad))

    asyncio.run(check())
    assert not (workspace / "runs").exists() or not list((workspace / "runs").iterdir())


def test_a_check_is_given_up_and_ends_with_the_hub(workspace):
    run = trained(workspace)
    slow = replace(points_spec(), training=Training(steps=10**6, batch=4096, warmup=0))

    async def check():
        async with hub_here(workspace) as studio:
            asked = asyncio.create_task(studio.refusal(lambda id: TryStep(id, slow)))
            await soon(checks)
            done = await studio.get(lambda id: CancelCheck(id, 1))
            assert isinstance(done, Done)
            assert await asked == verifying.CANCELLED
            await soon(lambda: not checks())
            asyncio.create_task(studio.ask(lambda id: VerifyRun(id, run.name)))  # noqa: RUF006
            await soon(checks)

    asyncio.run(check())
    assert not checks()


def test_a_run_goes_on_with_what_the_window_lets_change(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            name = (await studio.get(lambda id: StartRun(id, points_spec(steps=10**6)))).run.name
            await studio.notice(lambda m: isinstance(m, Progress) and m.step > 5)
            await studio.get(lambda id: ControlRun(id, name, "stop"))
            await studio.state(name, "stopped")
            changes = (("training.learning_rate", "0.0005"),)
            await studio.get(lambda id: ResumeRun(id, name, changes=changes))
            await studio.state(name, "running")
            await studio.get(lambda id: ControlRun(id, name, "stop"))
            await studio.state(name, "stopped")
            return RunFolder(workspace / "runs" / name)

    run = asyncio.run(check())
    assert standing(run) == (("training.learning_rate", "0.0005"),)
    assert run.spec().training.learning_rate != 0.0005
