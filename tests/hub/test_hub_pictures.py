"""A dropped picture is decoded by an inspect worker; the explorer gets its name alone."""

import asyncio
from functools import partial

import pytest
from hub_support import hub_here
from PIL import Image

from engine.contract.messages import EngineNote, GetRuns, Inspect, Look
from engine.contract.source import Sample

pytestmark = pytest.mark.usefixtures("fake_explore")


def look(file, id):
    return Look(id, "m", Sample(), str(file))


def test_the_explorer_is_asked_for_a_picture_of_the_workspace(workspace, tmp_path):
    frames = [Image.new("RGB", (20, 10), (k, 0, 0)) for k in range(2)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])

    async def check():
        async with hub_here(workspace) as studio:
            asked = asyncio.create_task(studio.get(partial(look, tmp_path / "a.gif")))
            assert await studio.get(GetRuns)  # nothing waits for it
            await asked
            seen = await studio.notice(
                lambda n: isinstance(n, EngineNote) and n.text.startswith("looks at")
            )
            (kept,) = (workspace / "pictures").glob("*.png")
            assert seen.text == f"looks at {kept.stem}, file ''"
            told = [n.text for n in studio.notices if isinstance(n, EngineNote)]
            assert "a.gif has several frames; the first is taken." in told

    asyncio.run(check())


def test_a_file_that_is_no_picture_never_comes_to_the_explorer(workspace, tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")

    async def check():
        async with hub_here(workspace) as studio:
            assert "is not a picture" in await studio.refusal(partial(look, tmp_path / "x.png"))
            assert "no absolute path" in await studio.refusal(partial(look, "x.png"))
            assert not any("looks at" in getattr(n, "text", "") for n in studio.notices)

    asyncio.run(check())


def test_a_studio_may_look_into_a_file(workspace, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"\x02" + bytes(7) + b"{}")

    async def check():
        async with hub_here(workspace) as studio:
            found = await studio.get(lambda id: Inspect(id, str(path)))
            assert (found.kind, found.count) == ("safetensors", 0)
            (tmp_path / "x.pkl").write_bytes(b"\x80\x02}.")  # torch takes a second to load
            slow = lambda id: Inspect(id, str(tmp_path / "x.pkl"), seconds=0.01)  # noqa: E731
            assert "took more than 0.01 seconds" in await studio.refusal(slow)
            out = lambda id: Inspect(id, str(path), "here.safetensors")  # noqa: E731
            assert "no absolute path" in await studio.refusal(out)

    asyncio.run(check())
