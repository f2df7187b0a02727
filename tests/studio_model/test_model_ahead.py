"""Known jumps are shown at once and never by mistake; those around the hand are asked ahead."""

import asyncio

import pytest
from fake_world import FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from studio.model import ahead as module
from studio.model.ahead import RINGS, Ahead, around
from studio.model.companions import Companions
from studio.model.explore_model import PLACE, ExploreModel
from studio.model.jump_cache import MOST, JumpCache
from studio.model.map_model import MapModel
from studio.model.quality_model import QualityModel
from studio.model.states import States


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch):
    monkeypatch.setattr(module, "REST", 0.0)


async def looking(name="emoji", ahead=False):
    world = FakeWorld()
    explore = ExploreModel(world.link)
    maps, quality = MapModel(world.link, explore), QualityModel(world.link, explore)
    companions = Companions(world.link, explore)
    made = Ahead(explore, maps, quality, companions) if ahead else None
    world.link.open()
    await explore.open(name)
    await until(lambda: explore.states is not None)
    return world, explore, (maps, quality, companions, made)


def jumps(world):
    return [(r.t, r.s) for r in world.link.of(m.Jump)]


async def seen(explore, t, s):
    explore.set_times(t, s)
    await until(lambda: (explore.states.t, explore.states.s) == (t, s))


def test_a_place_that_was_seen_is_shown_within_the_call():
    async def scenario():
        world, explore, _ = await looking()
        await seen(explore, 0.8, 0.2)
        first = explore.states
        await seen(explore, 0.5, 0.1)
        asked = len(jumps(world))
        explore.set_times(0.8, 0.2)
        assert explore.states is first
        await settle()
        assert len(jumps(world)) == asked

    run(scenario())


def test_other_seeds_steps_and_ways_are_other_jumps():
    async def scenario():
        world, explore, _ = await looking()
        for change in (
            lambda: explore.set_source(m.Source(seed=1)),
            lambda: explore.set_steps(2),
            lambda: explore.set_shares((0.3,)),
            lambda: explore.set_sampler(m.Sampler(gamma=1.0)),
        ):
            asked = len(jumps(world))
            change()
            await until(lambda asked=asked: len(jumps(world)) == asked + 1)
            await settle()

    run(scenario())


def test_an_answer_on_its_way_does_not_cover_what_is_known():
    async def scenario():
        world, explore, _ = await looking()
        await seen(explore, 0.8, 0.2)
        await seen(explore, 0.5, 0.1)
        world.link.hold()
        explore.set_times(0.3, 0.1)
        await settle()
        explore.set_times(0.8, 0.2)
        assert explore.states.t == 0.8
        world.link.release()
        await settle()
        assert explore.states.t == 0.8
        asked = len(jumps(world))
        explore.set_times(0.3, 0.1)
        assert explore.states.t == 0.3  # it was kept all the same
        assert len(jumps(world)) == asked

    run(scenario())


def test_a_model_that_is_opened_again_is_asked_again():
    async def scenario():
        world, explore, _ = await looking()
        await seen(explore, 0.8, 0.2)
        await seen(explore, 0.5, 0.1)
        asked = len(jumps(world))
        await explore.open("emoji")
        await settle()
        explore.set_times(0.8, 0.2)
        await until(lambda: len(jumps(world)) == asked + 2)

    run(scenario())


def test_points_are_always_asked():
    async def scenario():
        world, explore, _ = await looking("points")
        await seen(explore, 0.8, 0.2)
        await seen(explore, 0.5, 0.1)
        await seen(explore, 0.8, 0.2)
        assert jumps(world).count((0.8, 0.2)) == 2
        assert explore.cache.size == 0

    run(scenario())


def test_the_cache_keeps_within_its_bounds():
    import numpy as np

    cache, picture = JumpCache(), np.zeros((16, 512, 512, 3), np.uint8)
    each = 2 * picture.nbytes
    states = States(picture, picture, 1.0, 0.0, 1, 1.0, False, m.Source(), 1)
    asked = [m.Jump(0, "model", m.Source(seed=k), 1.0, 0.0) for k in range(8)]
    for one in asked:
        cache.put(1, one, states)
    cache.put(1, asked[-1], states)
    kept = MOST // each
    assert cache.size == kept * each <= MOST
    assert cache.get(1, asked[-1]) is states
    assert cache.get(1, asked[0]) is None
    assert cache.get(2, asked[-1]) is None
    cache.forget_model("model")
    assert cache.size == 0
    assert cache.get(1, asked[-1]) is None


def test_rings_lead_outward_within_the_triangle():
    places = [*around(0.5, 0.48)]
    assert len(set(places)) == len(places)
    assert (0.5, 0.48) not in places
    assert all(0 <= s <= t <= 1 for t, s in places)
    far = [max(abs(t - 0.5), abs(s - 0.48)) for t, s in places]
    assert far == pytest.approx(sorted(far))
    assert max(far) == pytest.approx(RINGS * PLACE)


def test_the_neighbours_are_known_before_the_hand_comes():
    async def scenario():
        world, explore, _ = await looking(ahead=True)
        await seen(explore, 0.5, 0.2)
        expected = (2 * RINGS + 1) ** 2
        await until(lambda: sum(abs(t - 0.5) < 0.0601 for t, s in jumps(world)) == expected)
        asked = len(jumps(world))
        for k in range(1, RINGS + 1):
            explore.set_times(0.5, round(0.2 + k * PLACE, 2))
            assert explore.states.s == pytest.approx(0.2 + k * PLACE)
        assert len(jumps(world)) == asked

    run(scenario())


@pytest.mark.parametrize("why", ["training", "map", "beside", "slow", "points", "measuring"])
def test_nothing_is_asked_ahead_where_somebody_would_wait(why):
    async def scenario():
        name = "points" if why == "points" else "emoji"
        world, explore, (maps, quality, companions, _) = await looking(name, ahead=True)
        if why == "training":
            quality.hold(True)
        elif why == "map":
            world.link.on(m.Map, lambda r: m.Refused(r.id, m.SUPERSEDED))
            maps.choose("defect")
        elif why == "beside":
            await companions.add("truth")
        elif why == "measuring":
            world.link.on(m.Measure, lambda r: m.Refused(r.id, m.SUPERSEDED))
            quality.want(True)
        elif why == "slow":
            answer = world.jump

            def slow(r):
                found, payload = answer(r)
                return m.Jumped(found.id, found.t, found.s, found.nfe, 400.0, found.arrays), payload

            world.link.on(m.Jump, slow)
        await settle(50)
        before = set(jumps(world))
        explore.set_times(0.3, 0.1)
        await settle(200)
        new = set(jumps(world)) - before
        assert new <= {(0.3, 0.1)} | set(around(1.0, 0.0))

    run(scenario())


def test_it_waits_for_somebody_else_and_goes_on_when_that_is_done():
    async def scenario():
        world, explore, (maps, quality, companions, _) = await looking()
        ahead, busy = Ahead(explore, maps, quality, companions), [True]
        ahead.wait_for(lambda: busy[0], companions.states_changed)
        await seen(explore, 0.5, 0.2)
        await asyncio.sleep(0.05)
        assert jumps(world) == [(1.0, 0.0), (0.5, 0.2)]
        busy[0] = False
        companions.states_changed.emit()
        await until(lambda: len(jumps(world)) == 1 + (2 * RINGS + 1) ** 2)

    run(scenario())


def test_the_fault_of_a_jump_that_was_overtaken_is_not_told():
    async def scenario():
        world, explore, _ = await looking()
        said = []
        explore.failed.connect(said.append)
        await seen(explore, 0.8, 0.2)
        await seen(explore, 0.5, 0.1)
        world.link.on(m.Jump, lambda r: m.Refused(r.id, "No such place."))
        world.link.hold()
        explore.set_times(0.3, 0.1)
        await settle()
        explore.set_times(0.8, 0.2)
        world.link.release()
        await settle()
        assert said == []
        explore.set_times(0.3, 0.15)
        await until(lambda: said)
        assert said == ["No such place."]

    run(scenario())
