"""The film of a training: the kept steps of the run in hand, one after the other."""

import asyncio

import pytest
from fake_world import FakeWorld
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from studio.model import film_model
from studio.model.explore_model import ExploreModel
from studio.model.film_model import FilmModel
from studio.model.runs_model import RunsModel


async def filming(steps: int = 4) -> tuple[FakeWorld, ExploreModel, FilmModel]:
    """A run with some sealed checkpoints, explored."""
    world = FakeWorld()
    runs, explore = RunsModel(world.link), ExploreModel(world.link)
    film = FilmModel(world.link, explore, runs)
    world.add_run("a")
    for _ in range(steps):
        world.train("a", 100)
    world.link.open()
    await runs.refresh()
    await explore.open("a")
    await until(lambda: len(film.steps) == steps)
    return world, explore, film


def test_the_kept_steps_of_the_run_in_hand_are_known() -> None:
    async def scenario() -> None:
        _, explore, film = await filming()
        assert film.steps == (100, 200, 300, 400)
        assert film.step == 400
        assert film.run is not None
        await until(lambda: film.run is not None and len(film.run.steps) == 40)
        await explore.open("points")
        assert film.run is None
        assert film.steps == ()

    run(scenario())


def test_a_shipped_model_has_the_film_of_a_run_that_is_in_no_list() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        info = world.add_run("points")
        world.train("points", 200)
        world.runs.clear()
        film_of = {"points": m.FilmAnswer(0, (100, 4000), info)}
        world.link.on(m.ReadFilm, lambda r: film_of.get(r.run) or m.Refused(r.id, "No run."))
        world.models["points@100"] = structs.replace(world.models["points"], step=100)
        runs, explore = RunsModel(world.link), ExploreModel(world.link)
        film = FilmModel(world.link, explore, runs)
        world.link.open()
        await explore.open("points")
        await until(lambda: film.steps == (100, 4000))
        assert film.step == 4000
        assert film.run is not None
        await until(lambda: film.run is not None and len(film.run.steps) == 20)
        film.move(-1)
        await until(lambda: film.step == 100)
        assert (explore.name, film.steps) == ("points@100", (100, 4000))
        film.move(1)
        await until(lambda: film.step == 4000)
        assert explore.name == "points"
        await explore.open("emoji")
        await settle()
        assert (film.run, film.steps, runs.runs) == (None, (), [])

    run(scenario())


def test_the_film_is_asked_for_again_when_the_engine_is_back() -> None:
    async def scenario() -> None:
        world, explore, film = await filming()
        asked = len(world.link.of(m.ReadFilm))
        world.link.open()
        await until(lambda: len(world.link.of(m.ReadFilm)) > asked)
        assert film.steps == (100, 200, 300, 400)
        assert explore.name == "a"

    run(scenario())


def test_a_step_is_taken_in_hand_and_the_newest_is_followed() -> None:
    async def scenario() -> None:
        world, explore, film = await filming()
        film.show(180)
        await until(lambda: film.step == 200)
        assert explore.name == "a@200"
        film.move(5)
        await until(lambda: film.step == 400)
        assert explore.name == "a"
        world.train("a", 100)
        await until(lambda: film.steps[-1:] == (500,))

    run(scenario())


def test_pictures_stay_until_those_of_the_other_step_are_there() -> None:
    async def scenario() -> None:
        _, explore, film = await filming()
        await until(lambda: explore.states is not None)
        gone: list[bool] = []
        explore.model_changed.connect(lambda: gone.append(explore.states is None))
        film.show(100)
        await until(lambda: film.step == 100)
        assert gone == [False]

    run(scenario())


def test_of_many_wishes_the_last_is_shown() -> None:
    async def scenario() -> None:
        world, _, film = await filming()
        before = len(world.link.of(m.OpenModel))
        for step in (100, 200, 300, 100, 200):
            film.show(step)
        await until(lambda: film.step == 200)
        await settle()
        assert len(world.link.of(m.OpenModel)) - before <= 2

    run(scenario())


def test_it_plays_from_the_first_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(film_model, "FRAME", 0.01)
        _, explore, film = await filming()
        seen: list[int] = []
        explore.model_changed.connect(lambda: seen.append(film.step))
        film.play()
        assert film.playing
        await until(lambda: not film.playing)
        await until(lambda: film.step == 400)
        assert seen == sorted(seen)
        assert seen[-1] == 400

    run(scenario())


def test_a_step_that_is_gone_is_said_and_the_list_is_read_anew() -> None:
    async def scenario() -> None:
        world, explore, film = await filming()
        failed: list[str] = []
        film.failed.connect(failed.append)
        world.sealed["a"].remove(200)
        film.show(200)
        await until(lambda: bool(failed))
        assert "no checkpoint of step 200" in failed[0]
        await until(lambda: film.steps == (100, 300, 400))
        assert explore.name == "a"

    run(scenario())


def test_without_a_run_nothing_moves() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        film = FilmModel(world.link, ExploreModel(world.link), RunsModel(world.link))
        film.show(3)
        film.move(1)
        film.play()
        assert not film.playing
        assert film.step == -1

    run(scenario())


def test_a_step_can_be_chosen_again_after_the_model_moved_on() -> None:
    async def scenario() -> None:
        world, explore, film = await filming()
        film.show(400)
        world.train("a", 100)
        await until(lambda: film.steps[-1:] == (500,))
        await explore.open("a")
        assert film.step == 500
        film.show(400)
        await until(lambda: film.step == 400)
        film.move(-1)
        await until(lambda: film.step == 300)
        await explore.open("a")
        film.show(300)
        await until(lambda: film.step == 300)

    run(scenario())


def test_every_step_is_seen_though_opening_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(film_model, "FRAME", 0.001)
        _, explore, film = await filming()
        await until(lambda: explore.states is not None)
        slow = explore.open

        async def opened(name: str) -> None:
            await asyncio.sleep(0.02)
            await slow(name)

        monkeypatch.setattr(explore, "open", opened)
        seen: set[int] = set()
        explore.states_changed.connect(lambda: seen.add(film.step))
        film.play()
        await until(lambda: not film.playing)
        assert {100, 200, 300} <= seen

    run(scenario())


def test_a_run_that_ends_is_read_to_its_end() -> None:
    async def scenario() -> None:
        world, _, film = await filming()
        assert film.run is not None
        world.finish("a")
        await until(lambda: film.run is not None and film.run.info.state == "finished")

    run(scenario())
