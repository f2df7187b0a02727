"""Following a run: nothing lost, whatever the pieces; what was taken back is gone."""

import asyncio

import numpy as np
import pytest
from fake_world import FakeWorld, png_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import run, settle, until

from engine.contract import journal
from engine.contract import messages as m
from engine.contract.history import History
from engine.contract.journal import (
    Columns,
    Ended,
    Sampled,
    Started,
    encode_event,
    encode_rows,
)
from studio.link.link import Refusal
from studio.model import run_model
from studio.model.run_model import PICTURES, RunModel


def followed() -> tuple[FakeWorld, RunModel]:
    """A world with one run, and a model that follows it."""
    world = FakeWorld()
    world.link.alive = True
    return world, RunModel(world.link, world.add_run("run"))


def rows(first: int, last: int) -> bytes:
    """Rows of the steps first to last as one record."""
    at = np.arange(first, last + 1, dtype=np.float64)
    return encode_rows(np.stack([at, at / 2, at / 4, at / 8], 1))


def heartbeat(world: FakeWorld, model: RunModel) -> None:
    model.take_progress(world.progress("run"))


async def caught_up(world: FakeWorld, model: RunModel) -> None:
    """Until the model knows all that the journal says."""
    wanted = History()
    wanted.feed(world.journals["run"])
    await until(
        lambda: len(model.steps) == len(wanted.steps) and len(model.events) == len(wanted.events)
    )


@given(
    records=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
    piece=st.integers(1, 300),
)
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_however_the_journal_arrives(
    records: list[int], cuts: list[int], piece: int
) -> None:
    async def scenario() -> None:
        world, model = followed()
        whole, at = world.journals["run"], 0
        for count in records:
            whole += rows(at + 1, at + count)
            at += count
        world.link.on(m.ReadJournal, lambda r: _chunk(world, r, piece))
        for cut in [*sorted(c % len(whole) for c in cuts), len(whole)]:
            world.journals["run"] = whole[:cut]
            heartbeat(world, model)
            await settle(7)
        await caught_up(world, model)
        assert np.array_equal(model.steps, np.arange(1, at + 1))
        assert np.array_equal(model.curve("loss"), np.arange(1, at + 1) / 2)
        assert model.columns == ("step", "loss", "error", "rate")

    run(scenario())


def _chunk(world: FakeWorld, r: m.ReadJournal, piece: int) -> tuple[m.Message, bytes]:
    whole = world.journals["run"]
    part = whole[r.offset : r.offset + piece]
    return m.Chunk(r.id, min(r.offset, len(whole)) + len(part), len(whole)), part


@pytest.mark.parametrize("fresh", [1, 10, 400])
def test_a_torn_tail_that_was_cut_and_overwritten_is_read_anew(fresh: int) -> None:
    async def scenario() -> None:
        world, model = followed()
        good = world.journals["run"] + rows(1, 10)
        world.journals["run"] = good + rows(11, 20)[:-3]
        heartbeat(world, model)
        await caught_up(world, model)
        assert len(model.steps) == 10
        world.journals["run"] = good + rows(11, 10 + fresh)
        heartbeat(world, model)
        await caught_up(world, model)
        assert np.array_equal(model.steps, np.arange(1, 11 + fresh))

    run(scenario())


def test_a_resumed_run_takes_back_what_lies_beyond_its_checkpoint() -> None:
    async def scenario() -> None:
        world, model = followed()
        world.journals["run"] += rows(1, 100) + encode_event(Sampled(90, "000090.npy"))
        heartbeat(world, model)
        await until(lambda: len(model.steps) == 100)
        assert [s.step for s in model.samples] == [90]
        world.journals["run"] += encode_event(Started(50, 1.0, "cpu", 1, "0.1.0"))
        world.journals["run"] += encode_event(Columns(("step", "loss", "error", "rate")))
        world.journals["run"] += rows(51, 60)
        before = model.rewinds
        heartbeat(world, model)
        await until(lambda: len(model.steps) == 60)
        assert np.array_equal(model.steps, np.arange(1, 61))
        assert model.samples == []
        assert model.rewinds == before + 1

    run(scenario())


def test_one_pull_is_in_flight_and_a_heartbeat_without_news_asks_nothing() -> None:
    async def scenario() -> None:
        world, model = followed()
        link = world.link
        link.hold()
        for n in range(100):
            world.journals["run"] += rows(n + 1, n + 1)
            heartbeat(world, model)
            await settle(2)
        assert len(link.of(m.ReadJournal)) == 1
        link.release()
        await until(lambda: len(model.steps) == 100)
        await settle()
        asked = len(link.of(m.ReadJournal))
        assert asked <= 3
        for _ in range(10):
            heartbeat(world, model)
        await settle()
        assert len(link.of(m.ReadJournal)) == asked

    run(scenario())


def test_a_long_journal_leaves_the_window_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_model, "SLICE", 0.0)
    monkeypatch.setattr(journal, "SLAB", 1)  # so that it comes in many slabs

    async def scenario() -> None:
        world, model = followed()
        world.journals["run"] += b"".join(rows(n, n) for n in range(1, 201))
        seen: set[int] = set()
        heartbeat(world, model)
        while len(model.steps) < 200:  # the window, which turns as often as it may
            seen.add(len(model.steps))
            await asyncio.sleep(0)
        assert len(seen) > 50
        assert len(world.link.of(m.ReadJournal)) == 1

    run(scenario())


def test_the_journal_is_read_on_after_the_engine_died() -> None:
    async def scenario() -> None:
        world, model = followed()
        world.journals["run"] += rows(1, 10)
        world.link.hold()
        heartbeat(world, model)
        await settle()
        world.link.die()
        await settle()
        world.link.release()
        world.link.open()
        world.journals["run"] += rows(11, 20) + encode_event(Ended(20, 2.0, "finished"))
        model.take_info(world.runs["run"])
        await caught_up(world, model)
        assert np.array_equal(model.steps, np.arange(1, 21))

    run(scenario())


def test_progress_is_the_runs_state_until_it_ends() -> None:
    async def scenario() -> None:
        world, model = followed()
        world.train("run", 500)
        heartbeat(world, model)
        assert model.progress is not None
        assert (model.info.step, model.info.checkpoint) == (500, 500)
        world.finish("run")
        model.take_info(world.runs["run"])
        assert model.progress is None
        assert model.info.state == "finished"
        await caught_up(world, model)

    run(scenario())


def test_an_unknown_curve_is_nothing_but_gaps() -> None:
    async def scenario() -> None:
        world, model = followed()
        world.train("run", 100)
        heartbeat(world, model)
        await caught_up(world, model)
        assert np.isnan(model.curve("fid")).all()
        assert len(model.curve("fid")) == len(model.steps) == 10

    run(scenario())


def test_previews_are_told_fetched_once_and_forgotten_in_order() -> None:
    async def scenario() -> None:
        world, model = followed()
        told: list[Sampled] = []
        model.sampled.connect(told.append)
        for _ in range(PICTURES + 2):
            world.train("run", 10)
        heartbeat(world, model)
        await caught_up(world, model)
        assert told == [model.samples[-1]]
        for sampled in model.samples:
            preview = await model.picture(sampled)
            assert preview.kind == "points"
            assert preview.points is not None
            assert preview.points.shape == (64, 2)
            assert preview.points.dtype == np.float32
        oldest, asked = model.samples[2], PICTURES + 2  # the oldest that is kept
        assert await model.picture(model.samples[-1]) is preview
        kept = await model.picture(oldest)
        assert len(world.link.of(m.ReadSample)) == asked
        await model.picture(model.samples[0])
        assert await model.picture(oldest) is kept  # it was looked at lately
        assert len(world.link.of(m.ReadSample)) == asked + 1
        await model.picture(model.samples[3])
        assert len(world.link.of(m.ReadSample)) == asked + 2

    run(scenario())


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (35184372088832, 2), }",
        b"{'descr': [], 'fortran_order': False, 'shape': (2, 2), }",
        b"{'descr': 'O', 'fortran_order': False, 'shape': (2, 2), }",
        b"{'descr': '<f4', (((",
        b"'''",
        b"(" * 9000,
    ],
)
def test_a_preview_of_a_run_that_somebody_sent_is_refused_in_a_sentence(header: bytes) -> None:
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(Refusal, match=r"^The preview 000001\.npy "):
        run_model._preview("000001.npy", content)


def test_previews_are_fetched_anew_after_a_resume() -> None:
    async def scenario() -> None:
        world, model = followed()
        world.train("run", 100)
        heartbeat(world, model)
        await caught_up(world, model)
        sampled = model.samples[0]
        before = await model.picture(sampled)
        world.journals["run"] += encode_event(Started(0, 1.0, "cpu", 1, "0.1.0"))
        world.journals["run"] += encode_event(sampled)
        heartbeat(world, model)
        await caught_up(world, model)
        assert await model.picture(sampled) is not before

    run(scenario())


def test_pictures_arrive_as_they_lie_on_disk() -> None:
    async def scenario() -> None:
        world, model = followed()
        world.samples["000001.png"] = png_grid(1)
        preview = await model.picture(Sampled(1, "000001.png"))
        assert (preview.kind, preview.data) == ("png", png_grid(1))

    run(scenario())


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x93NUMPY\x01\x00", b"\x80\x04N."])
def test_a_damaged_preview_is_refused_in_a_sentence(data: bytes) -> None:
    async def scenario() -> None:
        world, model = followed()
        world.samples["000001.npy"] = data
        with pytest.raises(Refusal, match=r"000001\.npy"):
            await model.picture(Sampled(1, "000001.npy"))
        with pytest.raises(Refusal, match="no preview"):
            await model.picture(Sampled(2, "000002.npy"))

    run(scenario())


def test_controls_and_the_spec() -> None:
    async def scenario() -> None:
        world, model = followed()
        for action in ("pause", "continue", "save", "sample", "stop"):
            await model.control(action)
        assert [a for _, a in world.actions] == ["pause", "continue", "save", "sample", "stop"]
        assert await model.spec() == world.specs["run"]

    run(scenario())
