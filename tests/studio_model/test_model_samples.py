"""One sample as the source: taken when the engine has it, and what hands do to a source."""

import numpy as np
import pytest
from fake_world import FakeWorld
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import run, settle, until
from msgspec.structs import replace

from engine.contract import messages as m
from engine.contract.arrays import pack
from engine.contract.source import Mix, Moved, Sample, Source
from studio.model.explore_model import ExploreModel
from studio.model.samples import Samples
from studio.model.sources import (
    SEEDS,
    is_blend,
    seed_of,
    with_moved,
    with_point,
    with_rolled,
    with_seed,
)

few = settings(max_examples=40, deadline=None)


@few
@given(st.integers(0, SEEDS), st.integers(0, 99))
def test_a_seed_is_what_was_typed(seed: int, hundredths: int) -> None:
    found = with_seed(Source(moved=(Moved(0, 1.0, 1.0),)), seed + hundredths / 100)
    assert found.moved == ()
    if seed < SEEDS:
        assert found.seed == seed
        assert seed_of(found) == pytest.approx(seed + hundredths / 100, abs=1e-6)
        assert (found.mix is None) == (hundredths == 0)
    assert not is_blend(found)
    assert with_seed(found, seed_of(found)) == found


@few
@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), max_size=6))
def test_rolls_add_up_around(steps: list[tuple[int, int]]) -> None:
    source = Source()
    for right, down in steps:
        source = with_rolled(source, 3, right, down, 16)
    x, y = (sum(way) % 16 for way in zip(*steps, strict=True)) if steps else (0, 0)
    if x or y:
        (moved,) = source.moved
        assert (moved.x % 16, moved.y % 16) == (x, y)
        assert max(abs(moved.x), abs(moved.y)) <= 8
    else:
        assert source == Source()


def test_the_last_that_was_moved_is_the_last() -> None:
    source = with_moved(with_moved(with_moved(Source(), 1, 0.0, 0.0), 2, 1.0, 1.0), 1, 5.0, 5.0)
    assert source.moved == (Moved(2, 1.0, 1.0), Moved(1, 5.0, 5.0))
    place = with_point(source, 1.0, 2.0)
    assert (place.kind, place.sample, place.moved) == ("sample", Sample(point=(1.0, 2.0)), ())


async def sampling(name: str = "emoji") -> tuple[FakeWorld, ExploreModel, Samples, list[str]]:
    """A model in hand, and an engine that has ten samples and any file but a bad one."""
    world = FakeWorld()

    def look(asked: m.Look) -> m.Message | tuple[m.Message, bytes]:
        if asked.sample.index > 9 or "bad" in asked.file:
            return m.Refused(asked.id, "There is none.")
        sample = replace(asked.sample, picture="ab") if asked.file else asked.sample
        arrays, payload = pack({"data": np.zeros((16, 16, 3), np.uint8)})
        return m.Looked(asked.id, sample, 10, 1, arrays), payload

    world.link.on(m.Look, look)
    explore = ExploreModel(world.link)
    samples = Samples(explore)
    said: list[str] = []
    samples.refused.connect(said.append)
    world.link.open()
    await explore.open(name)
    await until(lambda: explore.states is not None)
    return world, explore, samples, said


def test_what_is_refused_leaves_the_source_as_it_was() -> None:
    async def scenario() -> None:
        _, explore, samples, said = await sampling()
        before = explore.source
        samples.take(Sample(99))
        await until(lambda: said)
        samples.take_file("/somewhere/bad.png")
        await until(lambda: len(said) == 2)
        assert said == ["There is none."] * 2
        assert explore.source == before
        assert samples.seen is None

    run(scenario())


def test_a_taken_sample_is_the_source_of_every_jump() -> None:
    async def scenario() -> None:
        world, explore, samples, _ = await sampling()
        explore.set_source(replace(explore.source, mix=Mix((0, 1, 2, 3), 0.5, 0.5)))
        samples.take_file("/somewhere/cat.png")
        await until(lambda: explore.source.kind == "sample")
        assert explore.source == Source("sample", sample=Sample(picture="ab"))
        assert samples.seen is not None
        assert (samples.seen.name, samples.seen.count) == ("cat.png", 10)
        await until(lambda: world.link.of(m.Jump)[-1].source == explore.source)
        samples.start_from(replace(explore.source, kind="noise"))
        assert explore.source == Source()
        assert samples.sample == Sample(picture="ab")  # to come back to

    run(scenario())


def test_of_several_wishes_the_last_counts() -> None:
    async def scenario() -> None:
        _, explore, samples, _ = await sampling()
        for index in (3, 99, 5):
            samples.take(Sample(index))
        await until(lambda: explore.source.kind == "sample")
        await settle()
        assert explore.source.sample == Sample(5)

    run(scenario())


def test_another_model_takes_over_what_it_can() -> None:
    async def scenario() -> None:
        world, explore, samples, _ = await sampling()
        samples.take(Sample(2, way="carried"))
        await until(lambda: explore.source.kind == "sample")
        assert explore.source.count == 1
        world.models["end"] = replace(world.models["emoji"], name="end", capability="endpoint")
        await explore.open("end")
        await until(lambda: explore.source.sample == Sample(2))
        assert explore.source.count == 16
        samples.take_file("/somewhere/cat.png")
        await until(lambda: explore.source.sample == Sample(picture="ab"))
        await explore.open("points")
        assert (explore.source.kind, explore.source.sample) == ("noise", None)

    run(scenario())


def test_without_a_model_it_is_a_sentence() -> None:
    async def scenario() -> None:
        explore = ExploreModel(FakeWorld().link)
        samples, said = Samples(explore), list[str]()
        samples.refused.connect(said.append)
        samples.take_file("/somewhere/cat.png")
        await until(lambda: said)
        assert said[0].startswith("Open a model first")

    run(scenario())


@pytest.mark.parametrize("way", ["chip", "undo"])
def test_a_look_that_another_hand_overtook_changes_nothing(way: str) -> None:
    async def scenario() -> None:
        world, explore, samples, refused = await sampling()
        world.link.hold()
        samples.take(Sample(3))
        await settle()
        source = Source(seed=7, count=4)
        if way == "chip":
            samples.start_from(source)
        else:  # undo sets the source by itself
            explore.set_source(Source("sample", 7, 4, sample=Sample(5)))
            source = explore.source
        world.link.release()
        await settle()
        assert explore.source == source
        assert refused == []

    run(scenario())


def test_a_sample_that_undo_leads_to_is_seen() -> None:
    async def scenario() -> None:
        world, explore, samples, said = await sampling()
        before = replace(explore.source, kind="sample", sample=Sample(3))
        explore.set_source(before)  # as undo does, and a new start
        await until(lambda: samples.seen is not None)
        assert samples.seen is not None
        assert samples.seen.sample == Sample(3)
        samples.take(Sample(5))
        await until(lambda: samples.seen is not None and samples.seen.sample == Sample(5))
        asked = len(world.link.of(m.Look))
        explore.set_source(replace(before, sample=Sample(3, way="carried"), count=1))
        await until(lambda: samples.seen is not None and samples.seen.sample.index == 3)
        explore.set_source(before)  # another way, the same picture
        await settle()
        assert len(world.link.of(m.Look)) == asked + 1
        explore.set_source(replace(before, sample=Sample(77)))
        await settle()
        assert samples.seen.sample.index == 3
        assert said == []  # the jump from it says so

    run(scenario())
