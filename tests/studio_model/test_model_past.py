"""Undo on the page Explore: every view that was left can be had again."""

from types import SimpleNamespace

import pytest
from fake_world import FakeWorld
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from studio.model import past as module
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.film_model import FilmModel
from studio.model.map_model import MapModel
from studio.model.past import Past
from studio.model.runs_model import RunsModel


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Time stands still until a test lets it pass."""
    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def pass_time(clock) -> None:
    clock[0] += 10 * module.REST


async def looked(clock):
    """A model in hand, and nothing to take back."""
    world = FakeWorld()
    for name in ("other", "third"):
        world.models[name] = structs.replace(world.models["points"], name=name)
    explore = ExploreModel(world.link)
    companions = Companions(world.link, explore)
    maps = MapModel(world.link, explore)
    film = FilmModel(world.link, explore, RunsModel(world.link))
    past = Past(explore, maps, film, companions)
    world.link.open()
    await explore.open("points")
    await until(lambda: explore.states is not None)
    assert not past.can_undo
    pass_time(clock)
    return explore, maps, companions, past


def test_there_and_back_again(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        explore.set_times(0.7, 0.2)
        pass_time(clock)
        explore.set_source(m.Source(seed=5, count=16))
        pass_time(clock)
        explore.set_steps(4)
        past.undo()
        assert explore.steps == 1
        past.undo()
        assert explore.source == m.Source()
        past.undo()
        assert (explore.t, explore.s) == (1.0, 0.0)
        assert not past.can_undo
        for _ in range(3):
            past.redo()
        assert (explore.t, explore.s, explore.steps) == (0.7, 0.2, 4)
        assert explore.source.seed == 5
        assert not past.can_redo

    run(scenario())


def test_a_drag_is_one_change_and_a_new_one_ends_what_was_undone(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        for k in range(50):
            explore.set_times(0.9 - k / 100, 0.1)
            clock[0] += module.REST / 2
        pass_time(clock)
        past.undo()
        assert (explore.t, explore.s) == (1.0, 0.0)
        assert not past.can_undo
        assert past.can_redo
        pass_time(clock)
        explore.set_times(0.3, 0.0)
        assert not past.can_redo

    run(scenario())


def test_what_comes_back_to_where_it_was_is_no_change(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        explore.set_times(0.5, 0.0)
        explore.set_times(1.0, 0.0)
        assert not past.can_undo

    run(scenario())


def test_a_map_its_middle_and_models_beside_are_part_of_it(clock):
    async def scenario():
        explore, maps, companions, past = await looked(clock)
        maps.choose("defect")
        pass_time(clock)
        maps.set_middle(0.25)
        pass_time(clock)
        await companions.add("other")
        pass_time(clock)
        companions.remove("other")
        pass_time(clock)
        past.undo()
        await until(lambda: [c.name for c in companions.all] == ["other"])
        await settle()
        past.undo()
        await until(lambda: not companions.all)
        await settle()
        past.undo()
        assert (maps.kind, maps.middle) == ("defect", 0.5)
        past.undo()
        assert maps.kind is None
        assert not past.can_undo
        assert explore.name == "points"

    run(scenario())


def test_another_model_is_opened_again_with_what_stood_beside(clock):
    async def scenario():
        explore, _, companions, past = await looked(clock)
        explore.set_sampler(m.Sampler(gamma=0.5))
        pass_time(clock)
        await companions.add("other")
        pass_time(clock)
        await explore.open("emoji")  # sends those of other shapes away
        await until(lambda: explore.model.name == "emoji")
        assert companions.all == []
        pass_time(clock)
        past.undo()
        await until(lambda: explore.model.name == "points" and companions.all)
        await until(lambda: not past._aim)
        assert explore.sampler.gamma == 0.5
        assert past.can_redo
        past.redo()
        await until(lambda: explore.model.name == "emoji")

    run(scenario())


def test_a_model_that_is_gone_is_said_and_the_rest_comes_back(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        said = []
        past.failed.connect(said.append)
        explore.set_times(0.6, 0.1)
        pass_time(clock)
        await explore.open("other")
        await until(lambda: explore.model.name == "other")
        explore._link.on(m.OpenModel, lambda r: m.Refused(r.id, "There is no model 'points'."))
        pass_time(clock)
        past.undo()
        await until(lambda: said)
        assert said == ["There is no model 'points'."]
        await until(lambda: explore.name == "other")
        explore.set_times(0.2, 0.1)
        assert past.can_undo

    run(scenario())


def test_a_model_that_could_not_be_opened_leaves_no_trace(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        with pytest.raises(Exception, match="no model"):
            await explore.open("nobody")
        explore.set_times(1.0, 0.0)
        assert explore.name == "points"
        past._look()
        assert not past.can_undo

    run(scenario())


def test_only_so_many_are_kept(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        for k in range(module.HISTORY + 20):
            explore.set_times(1.0, k / 1000)
            pass_time(clock)
        while past.can_undo:
            past.undo()
        assert explore.s == pytest.approx(0.019)

    run(scenario())


def test_the_samples_of_one_model_are_never_asked_of_another(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        world = explore.link
        explore.set_source(m.Source(count=2048))
        pass_time(clock)
        await explore.open("emoji")
        explore.set_source(m.Source(count=4))
        await until(lambda: explore.states is not None and explore.states.source.count == 4)
        pass_time(clock)
        before = len(world.of(m.Jump))
        past.undo()
        await until(lambda: explore.model.name == "points" and explore.source.count == 2048)
        await settle()
        after = world.of(m.Jump)[before:]
        assert after
        assert {(jump.model, jump.source.count) for jump in after} == {("points", 2048)}

    run(scenario())


def test_a_hand_that_moves_while_a_model_is_opened_keeps_its_place(clock):
    async def scenario():
        explore, _, _, past = await looked(clock)
        await explore.open("other")
        await until(lambda: explore.model.name == "other")
        pass_time(clock)
        explore.link.hold()
        past.undo()
        await settle()
        explore.set_times(0.4, 0.1)
        explore.link.release()
        await until(lambda: explore.model.name == "points" and not past._aim)
        assert (explore.t, explore.s) == (0.4, 0.1)

    run(scenario())


def test_what_cannot_be_opened_leaves_the_rest(clock):
    async def scenario():
        explore, _, companions, past = await looked(clock)
        said = []
        past.failed.connect(said.append)
        await companions.add("other")
        await companions.add("third")
        pass_time(clock)
        companions.remove("other")
        companions.remove("third")
        pass_time(clock)
        opened = explore.link._script[m.OpenModel]
        explore.link.on(
            m.OpenModel,
            lambda r: m.Refused(r.id, "other is gone.") if r.model == "other" else opened(r),
        )
        past.undo()
        await until(lambda: [c.name for c in companions.all] == ["third"])
        assert said == ["other is gone."]

    run(scenario())


def test_undo_stops_a_film_and_a_film_is_one_change(clock, monkeypatch):
    async def scenario():
        explore, _, _, past = await looked(clock)
        film = past._film
        monkeypatch.setattr(type(film), "playing", property(lambda self: self in running))
        running = {film}
        stopped = []
        monkeypatch.setattr(film, "stop", lambda: (stopped.append(1), running.clear()))
        for k in range(5):
            explore.set_times(0.9 - k / 10, 0.1)
            pass_time(clock)
        assert not past.can_undo
        running.clear()
        film.changed.emit()
        assert past.can_undo
        past.undo()
        assert stopped
        assert (explore.t, explore.s) == (1.0, 0.0)
        assert not past.can_undo

    run(scenario())
