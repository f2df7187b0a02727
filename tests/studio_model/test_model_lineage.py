"""Where a run starts from: in the form, in the film, and of the run in sight."""

from fake_world import PRESETS, FakeWorld
from loops import run, settle, until
from msgspec.structs import replace

from engine.contract import messages as m
from engine.contract.specs import MLP, UNet
from studio.model.catalogue_model import CatalogueModel
from studio.model.explore_model import ExploreModel
from studio.model.film_model import FilmModel
from studio.model.form_model import FormModel
from studio.model.lineage import Lineage
from studio.model.origin import Origin
from studio.model.runs_model import RunsModel

SPEC = PRESETS[0].spec


def keys(form: FormModel) -> list[str]:
    return [problem.key for problem in form.problems()]


async def a_form() -> tuple[FakeWorld, FormModel]:
    """A form that can ask, in a world with a run `a`."""
    world = FakeWorld()
    catalogue = CatalogueModel(world.link)
    form = FormModel(catalogue, origin=Origin(world.link))
    world.add_run("a", replace(SPEC, seed=3))
    world.link.open()
    await catalogue.refresh()
    return world, form


def test_a_form_knows_what_it_does_otherwise() -> None:
    async def scenario() -> None:
        _, form = await a_form()
        assert form.changes() is None
        form.set("start", "a@20")
        await until(lambda: form.changes() is not None)
        assert [d.key for d in form.changes() or ()] == ["seed"]
        form.set("seed", "3")
        assert form.changes() == []
        assert form.problems() == []
        form.set("start", "")
        assert form.changes() is None

    run(scenario())


def test_another_network_is_a_problem_of_its_field() -> None:
    async def scenario() -> None:
        _, form = await a_form()
        form.set_spec(replace(SPEC, network=MLP(width=64), start="a@20"))
        await until(form.problems)
        assert keys(form) == ["network.width"]
        assert "Width 128 instead of 64" in form.problems()[0].message
        form.set("network.width", "128")
        assert form.problems() == []
        form.set("network", "unet")
        assert "network" in keys(form)
        form.set_spec(replace(SPEC, network=UNet()))
        assert not any("another network" in p.message for p in form.problems())

    run(scenario())


def test_what_is_not_there_is_a_problem_until_it_is() -> None:
    async def scenario() -> None:
        world, form = await a_form()
        form.set("start", "b@20")
        await until(form.problems)
        assert keys(form) == ["start"]
        assert form.problems()[0].message == "There is no model 'b@20'."
        world.add_run("b")
        form.look_again()
        await until(lambda: not form.problems())
        assert form.changes() == []

    run(scenario())


def test_of_many_starts_the_last_one_counts() -> None:
    async def scenario() -> None:
        world, form = await a_form()
        world.link.hold()
        for start in ("b", "bb", "a"):
            form.set("start", start)
            await settle()
        world.link.release()
        await until(lambda: form.changes() is not None)
        assert form.problems() == []
        assert [asked.start for asked in world.link.of(m.ReadStart)] == ["b", "a"]

    run(scenario())


def test_undo_takes_a_start_back() -> None:
    async def scenario() -> None:
        _, form = await a_form()
        before = form.spec
        form.set_spec(replace(SPEC, start="b@1"))
        await until(form.problems)
        form.undo()
        assert (form.spec, form.problems()) == (before, [])

    run(scenario())


def test_an_engine_that_is_gone_is_no_problem_of_the_form() -> None:
    async def scenario() -> None:
        world, form = await a_form()
        world.link.die()
        form.set("start", "a@20")
        await settle()
        assert form.problems() == []
        world.link.open()
        await until(lambda: form.changes() is not None)

    run(scenario())


def test_a_film_makes_the_spec_of_a_fork() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        runs, explore = RunsModel(world.link), ExploreModel(world.link)
        film = FilmModel(world.link, explore, runs)
        made: list[object] = []
        film.forked.connect(made.append)
        film.fork()
        assert not film.can_fork
        world.add_run("a", replace(SPEC, seed=3))
        for _ in range(3):
            world.train("a", 100)
        world.link.open()
        await runs.refresh()
        await explore.open("a")
        await until(lambda: film.can_fork)
        film.fork()
        await until(lambda: made)
        film.show(200)
        film.fork()  # while it is being opened
        await until(lambda: len(made) == 2)
        specs = [replace(SPEC, seed=3, start=start) for start in ("a@300", "a@200")]
        assert made == specs
        world.sealed["a"].remove(200)
        await explore.open("points")
        assert not film.can_fork

    run(scenario())


def test_a_spec_that_cannot_be_read_is_told() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        runs, explore = RunsModel(world.link), ExploreModel(world.link)
        film = FilmModel(world.link, explore, runs)
        told: list[str] = []
        film.failed.connect(told.append)
        world.link.on(m.ReadSpec, lambda r: m.Refused(r.id, "It is gone."))
        world.add_run("a")
        world.train("a", 100)
        world.link.open()
        await runs.refresh()
        await explore.open("a")
        await until(lambda: film.can_fork)
        film.fork()
        await until(lambda: told)
        assert told == ["It is gone."]

    run(scenario())


async def forked() -> tuple[FakeWorld, RunsModel, Lineage]:
    """A run `b` in sight that started from `a` at step 200 with another seed."""
    world = FakeWorld()
    runs = RunsModel(world.link)
    lineage = Lineage(world.link, runs)
    world.add_run("a")
    world.train("a", 300)
    world.link.open()
    await runs.refresh()
    await runs.start(replace(SPEC, start="a@200", seed=9), "b")
    return world, runs, lineage


def test_a_run_in_sight_knows_its_parent() -> None:
    async def scenario() -> None:
        _world, runs, lineage = await forked()
        assert (lineage.start, lineage.step) == ("a@200", 200)
        await until(lambda: lineage.changes() is not None)
        assert [(d.before, d.after) for d in lineage.changes() or ()] == [(0, 9)]
        parent = lineage.parent_run
        assert parent is not None
        await until(lambda: len(parent.steps) == 30)
        await runs.open("a")
        assert (lineage.start, lineage.parent_run, lineage.changes()) == ("", None, None)

    run(scenario())


def test_a_parent_that_goes_on_is_followed() -> None:
    async def scenario() -> None:
        world, _runs, lineage = await forked()
        parent = lineage.parent_run
        assert parent is not None
        await until(lambda: len(parent.steps) == 30)
        world.train("a", 100)
        await until(lambda: len(parent.steps) == 40)

    run(scenario())


def test_a_child_whose_parent_is_gone_still_tells_what_it_changes() -> None:
    async def scenario() -> None:
        world, runs, lineage = await forked()
        await until(lambda: lineage.changes() is not None)
        runs.runs = [info for info in runs.runs if info.name != "a"]
        runs.changed.emit()
        assert lineage.parent_run is None
        assert lineage.start == "a@200"
        assert lineage.changes()
        assert world.link.of(m.ReadStart)[-1].run == "b"

    run(scenario())


def test_specs_that_are_not_there_yet_are_asked_for_again() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        runs = RunsModel(world.link)
        lineage = Lineage(world.link, runs)
        world.add_run("a")
        world.link.open()
        await runs.refresh()
        world.link.on(m.ReadSpec, lambda r: m.Refused(r.id, "There is no run 'b'."))
        await runs.start(replace(SPEC, start="a@200"), "b")
        await settle()
        assert lineage.changes() is None
        world.link.on(m.ReadSpec, lambda r: m.SpecAnswer(r.id, world.specs[r.run]))
        world.link.notice(m.RunChanged(replace(world.runs["b"], step=1)))
        await until(lambda: lineage.changes() == [])

    run(scenario())
