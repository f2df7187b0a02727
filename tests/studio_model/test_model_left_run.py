"""A run that nobody follows any more, in the midst of being read: no fault, and nothing stays."""

import gc
import sys
import weakref

import pytest
from fake_world import FakeWorld
from loops import run, settle, until
from msgspec.structs import replace

from studio.model.explore_model import ExploreModel
from studio.model.film_model import FilmModel
from studio.model.lineage import Lineage
from studio.model.run_model import RunModel
from studio.model.runs_model import RunsModel
from studio.model.tasks import running


@pytest.fixture(autouse=True)
def _no_fault(monkeypatch: pytest.MonkeyPatch):
    caught: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(error))
    yield
    assert caught == []


async def is_let_go(world: FakeWorld, left: "weakref.ref[RunModel]") -> None:
    """Its journal comes after all; it is read, and forgotten with its reader."""
    await settle()
    assert running()
    world.link.release()
    await until(lambda: not running())
    await settle()
    gc.collect()
    assert left() is None


def test_the_run_of_a_film() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        runs, explore = RunsModel(world.link), ExploreModel(world.link)
        film = FilmModel(world.link, explore, runs)
        world.add_run("a")
        world.train("a", 100)
        world.link.open()
        await runs.refresh()
        await explore.open("a")
        await until(lambda: film.run is not None and not running())
        world.link.hold()
        world.train("a", 100)
        film.run.take_info(replace(film.run.info, step=200))
        await settle()
        left = weakref.ref(film.run)
        film._leave()
        assert film.run is None
        await is_let_go(world, left)

    run(scenario())


def test_the_run_that_another_came_from() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        runs = RunsModel(world.link)
        lineage = Lineage(world.link, runs)
        world.add_run("a")
        world.train("a", 100)
        world.add_run("plain")
        world.runs["b"] = replace(world.add_run("b"), start="a@100")
        world.link.open()
        await runs.open("b")
        await until(lambda: lineage.parent_run is not None and not running())
        world.link.hold()
        lineage.parent_run.take_info(replace(lineage.parent_run.info, step=200))
        await settle()
        left = weakref.ref(lineage.parent_run)
        runs.current = None
        runs.current_changed.emit()
        assert lineage.parent_run is None
        await is_let_go(world, left)

    run(scenario())
