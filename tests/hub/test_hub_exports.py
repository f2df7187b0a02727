"""Exports are made by the command line beside everything else: whole, or not at all."""

import asyncio
import json
import os
import re
import signal

import h5py
import numpy as np
import pytest
from hub_support import hub_here, processes, soon, workers
from PIL import Image

from engine.contract.arrays import unpack
from engine.contract.commands import film_words, jump_words, map_words
from engine.contract.films import Film
from engine.contract.messages import (
    CancelExport,
    Done,
    Export,
    Exported,
    ExportProgress,
    Jump,
    OpenModel,
    Refused,
    Source,
)
from engine.hub import exports

POINTS, PICTURES = "points-eight-gaussians", "emoji-16-meanflow"
SOURCE = Source(seed=5, count=8)
SHORT = tuple(film_words(POINTS, Film("scrub", frames=3, size=64, source=SOURCE)))
LONG = tuple(film_words(POINTS, Film("scrub", frames=900, size=512, source=SOURCE)))


def asking(command, path):
    return lambda id: Export(id, tuple(command), str(path))


def progress(notices):
    return [m for m in notices if isinstance(m, ExportProgress)]


def test_a_map_that_stands_is_handed_to_its_command(workspace, tmp_path):
    out, values = tmp_path / "m.npz", np.arange(300, dtype="<f4")
    words = tuple(map_words(POINTS, "error", Source(seed=2)))

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: Export(id, words, str(out), values.tobytes()))
            assert not progress(studio.notices)  # nothing had to be measured
            odd = await studio.refusal(lambda id: Export(id, words, str(out), b"123"))
            assert "float32" in odd

    asyncio.run(check())
    with np.load(out) as found:
        np.testing.assert_array_equal(found["values"], values)
        said = json.loads(str(found["metadata"]))["command"]
    assert said == "flowmap-engine map points-eight-gaussians --kind error --seed 2 --out m.npz"


def test_a_film_is_made_with_progress_and_is_what_its_command_says(workspace, tmp_path):
    out = tmp_path / "a b ü 'x'.gif"

    async def check():
        async with hub_here(workspace) as studio:
            answer = await studio.get(asking(SHORT, out))
            assert answer == Exported(answer.id, str(out), out.stat().st_size)
            told = progress(studio.notices)
            assert {(m.export, m.total) for m in told} == {(answer.id, 6)}
            assert told[-1].done == 6
            done = [m.done for m in told]
            assert done == sorted(done)

    asyncio.run(check())
    with Image.open(out) as film:
        assert film.n_frames == 3
        said = json.loads(film.info["comment"])
    assert said["seed"] == 5
    assert "--json" not in said["command"]
    assert str(tmp_path) not in said["command"]
    assert os.listdir(tmp_path) == [out.name]


def test_it_runs_at_low_priority_with_one_thread(workspace, tmp_path):
    async def check():
        async with hub_here(workspace) as studio:
            waiting = asyncio.ensure_future(studio.ask(asking(LONG, tmp_path / "a.gif")))
            await studio.notice(lambda m: isinstance(m, ExportProgress))
            (child,) = workers(exports.WORKER)
            assert child.nice() == 10
            assert child.environ()["OMP_NUM_THREADS"] == "1"
            await studio.get(lambda id: CancelExport(id, progress(studio.notices)[0].export))
            await waiting

    asyncio.run(check())


def test_cancel_leaves_nothing_and_what_waits_goes_on(workspace, tmp_path):
    async def check():
        async with hub_here(workspace) as studio:
            first = asyncio.ensure_future(studio.ask(asking(LONG, tmp_path / "a.gif")))
            second = asyncio.ensure_future(studio.ask(asking(LONG, tmp_path / "b.gif")))
            third = asyncio.ensure_future(studio.ask(asking(SHORT, tmp_path / "c.gif")))
            told = await studio.notice(lambda m: isinstance(m, ExportProgress))
            assert len(workers(exports.WORKER)) == 1  # one after the other
            for id in (told.export, told.export + 1):
                assert isinstance(await studio.get(lambda k, id=id: CancelExport(k, id)), Done)
            for task in (first, second):
                answer, _ = await task
                assert answer == Refused(answer.id, exports.CANCELLED)
            answer, _ = await third
            assert isinstance(answer, Exported)
            assert isinstance(await studio.get(lambda id: CancelExport(id, 999)), Done)

    asyncio.run(check())
    assert os.listdir(tmp_path) == ["c.gif"]


@pytest.mark.parametrize("moment", ["computing", "writing"])
def test_a_killed_process_leaves_no_part_and_is_one_sentence(workspace, tmp_path, moment):
    out = tmp_path / "a.gif"
    out.write_bytes(b"old")

    async def check():
        async with hub_here(workspace) as studio:
            waiting = asyncio.ensure_future(studio.ask(asking(LONG, out)))
            await studio.notice(lambda m: isinstance(m, ExportProgress))
            (child,) = workers(exports.WORKER)
            if moment == "writing":  # as the child names what it writes
                (tmp_path / f".tmp-{child.pid:x}-0badcafe-a.gif").write_bytes(b"half")
                (tmp_path / f".tmp-{child.pid + 1:x}-0badcafe-a.gif").write_bytes(b"another's")
            os.kill(child.pid, signal.SIGKILL)
            answer, _ = await waiting
            assert isinstance(answer, Refused)
            assert answer.message == (
                "Exporting a.gif failed: the process that made it was killed by signal 9 "
                "(SIGKILL). Nothing was written."
            )
            assert isinstance(await studio.get(asking(SHORT, tmp_path / "b.gif")), Exported)

    asyncio.run(check())
    assert out.read_bytes() == b"old"
    left = {name for name in os.listdir(tmp_path) if name.startswith(".tmp-")}
    assert len(left) == (1 if moment == "writing" else 0)


@pytest.mark.parametrize("how", ["stream", "child"])
def test_nothing_outlives_the_hub(workspace, tmp_path, how):
    async def check():
        async with hub_here(workspace) as studio:
            waiting = asyncio.ensure_future(studio.ask(asking(LONG, tmp_path / "a.gif")))
            await studio.notice(lambda m: isinstance(m, ExportProgress))
            if how == "child":
                (child,) = workers(exports.WORKER)
                child.terminate()
                answer, _ = await waiting
                assert "exit code 143" in answer.message
        waiting.cancel()

    asyncio.run(check())
    assert not processes()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("command", "name", "words"),
    [
        (("train", "points-meanflow"), "a.gif", "Only film, map, jump, sample"),
        ((), "a.gif", "Only film"),
        (SHORT, "nowhere/a.gif", "The folder .*nowhere is not there"),
        (SHORT, "a.png", "--out must end in .gif or .mp4"),
        (tuple(film_words("nobody", Film("scrub"))), "a.gif", "There is no model 'nobody'"),
        (
            ("film", POINTS, "--kind", "training", "--shares", "2"),
            "a.gif",
            "rising between 0 and 1",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(workspace, tmp_path, command, name, words):
    async def check():
        async with hub_here(workspace) as studio:
            said = await studio.refusal(asking(command, tmp_path / name))
            assert re.search(words, said), said

    asyncio.run(check())
    assert not os.listdir(tmp_path)


def test_a_relative_path_and_a_folder_in_the_way_are_refused(workspace, tmp_path):
    (tmp_path / "a.gif").mkdir()

    async def check():
        async with hub_here(workspace) as studio:
            assert "no absolute path" in await studio.refusal(asking(SHORT, "a.gif"))
            said = await studio.refusal(asking(SHORT, tmp_path / "a.gif"))
            assert "cannot be written" in said

    asyncio.run(check())
    assert os.listdir(tmp_path) == ["a.gif"]


@pytest.mark.parametrize("model", [POINTS, PICTURES])
def test_arrays_are_those_of_the_window_bit_for_bit(workspace, tmp_path, model, monkeypatch):
    monkeypatch.setattr("engine.hub.explorer.THREADS", 1)  # sums depend on how they are cut
    out = tmp_path / "a.h5"

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: OpenModel(id, model))
            jumped, payload = await studio.ask(
                lambda id: Jump(id, model, SOURCE, 0.9, 0.3, 2, raw=True)
            )
            await studio.get(asking(jump_words(model, SOURCE, 0.9, 0.3, 2), out))
            return unpack(jumped.arrays, payload)

    raw = asyncio.run(check())
    with h5py.File(out) as file:
        for name in ("x_t", "x_s"):
            np.testing.assert_array_equal(file[name][()], raw[name])
        assert (file.attrs["t"], file.attrs["s"], file.attrs["seed"]) == (0.9, 0.3, 5)


def test_the_explorer_answers_while_an_export_runs(workspace, tmp_path):
    out = tmp_path / "m.svg"

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: OpenModel(id, POINTS))
            words = map_words(POINTS, "error", SOURCE, parts=8)
            waiting = asyncio.ensure_future(studio.ask(asking(words, out)))
            while not waiting.done():
                answer, _ = await studio.ask(lambda id: Jump(id, POINTS, SOURCE, 1.0, 0.0))
                assert not isinstance(answer, Refused)
            await soon(out.exists)

    asyncio.run(check())
