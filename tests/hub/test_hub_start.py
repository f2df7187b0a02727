"""A run that starts from another, through the hub: refused before a worker is, told of after."""

import asyncio

import pytest
from hub_support import hub_here, points_spec
from msgspec.structs import replace

from engine.contract.catalogue import POINT_SETS
from engine.contract.messages import GetRuns, ReadStart, RunChanged, SpecAnswer, StartRun
from engine.contract.specs import MLP, Data
from engine.runs.folder import MANIFEST, RunFolder

pytestmark = pytest.mark.usefixtures("fake_train")


def sealed(workspace, name, *steps, **changes):
    """A run of which nobody looks into the weights."""
    folder = RunFolder(workspace / "runs" / name)
    folder.create(replace(points_spec(), **changes))
    for step in steps:
        folder.checkpoint(step).mkdir()
        (folder.checkpoint(step) / MANIFEST).touch()
    return folder


def test_a_run_starts_from_another_and_its_info_says_so(workspace):
    sealed(workspace, "a", 20)
    spec = replace(points_spec(), start="a@20", seed=9)

    async def check():
        async with hub_here(workspace) as studio:
            answer = await studio.get(lambda id: StartRun(id, spec, "b"))
            assert answer.run.start == "a@20"
            info = await studio.state("b", "running")
            assert info.start == "a@20"
            known = {run.name: run.start for run in (await studio.get(GetRuns)).runs}
            assert known == {"a": "", "b": "a@20"}
        told = [m.run.start for m in studio.notices if isinstance(m, RunChanged)]
        assert set(told) == {"a@20"}

    asyncio.run(check())
    assert RunFolder(workspace / "runs" / "b").spec() == spec


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("a@20", "a@20 has another network: Width 16 instead of 8;"),
        ("a@7", "a has no checkpoint of step 7; it has 20."),
        ("b", "b has no checkpoint yet;"),
        ("nobody", "There is no model 'nobody';"),
        ("emoji-16-meanflow", "emoji-16-meanflow makes samples of 3 x 16 x 16 numbers"),
        ("lost@20", "There is no data set 'lost'"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_begun(workspace, start, words):
    sealed(workspace, "a", 20, network=MLP(16, 1))
    sealed(workspace, "b")
    sealed(workspace, "lost", 20, data=Data("lost"))

    async def check():
        async with hub_here(workspace) as studio:
            spec = replace(points_spec(), start=start)
            assert words in await studio.refusal(lambda id: StartRun(id, spec, "c"))
            assert len((await studio.get(GetRuns)).runs) == 3

    asyncio.run(check())
    assert not (workspace / "runs" / "c").exists()


def test_the_spec_of_a_start_is_read_from_a_run_a_model_and_the_childs_own_copy(workspace):
    from engine.exchange.model_file import save_model

    parent = sealed(workspace, "a", 20).spec()
    child = sealed(workspace, "b", start="a@20")
    info = next(data for data in POINT_SETS if data.name == "eight-gaussians")
    older = replace(parent, seed=77)

    async def check():
        async with hub_here(workspace) as studio:

            async def spec(start, run=""):
                answer = await studio.get(lambda id: ReadStart(id, start, run))
                assert isinstance(answer, SpecAnswer)
                return answer.spec

            assert await spec("a@20") == await spec("a") == parent
            assert (await spec("emoji-16-meanflow")).data.name == "emoji-16"
            assert await spec("a@20", "b") == parent  # no copy yet
            save_model(child.start, {}, older, info, 20, 0.99)
            assert await spec("a@20", "b") == await spec("gone@20", "b") == older
            assert await spec(str(child.start)) == older
            why = await studio.refusal(lambda id: ReadStart(id, "gone@20"))
            assert why.startswith("There is no model 'gone@20'")
            child.start.write_bytes(b"torn")
            why = await studio.refusal(lambda id: ReadStart(id, "a@20", "b"))
            assert "start.safetensors is no safetensors file" in why

    asyncio.run(check())
