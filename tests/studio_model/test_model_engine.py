"""The engine's state in words, its log, the catalogue, and all models wired together."""

from pathlib import Path

import pytest
from fake_world import PRESETS, FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from engine.contract.catalogue import DataSet
from studio.link.link import LinkClosed, Refusal
from studio.model.ask import ask
from studio.model.catalogue_model import CatalogueModel
from studio.model.engine_model import EngineModel
from studio.model.models import Models


def test_the_state_follows_the_link() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        engine = EngineModel(world.link)
        seen: list[str] = []
        engine.changed.connect(lambda: seen.append(engine.state))
        assert (engine.state, engine.hello) == ("stopped", None)
        await engine.start()
        await engine.start()
        assert world.link.starts == 1
        assert engine.hello == world.link.hello
        world.link.die("The engine stopped unexpectedly (signal 9).")
        assert (engine.message, engine.hello) == (
            "The engine stopped unexpectedly (signal 9).",
            None,
        )
        assert [n.level for n in engine.log] == ["error"]
        await engine.restart()
        await engine.restart()
        assert world.link.starts == 3
        await engine.stop()
        assert engine.message == ""
        assert seen == [
            *("starting", "ready", "failed"),
            *("starting", "ready", "stopped"),
            *("starting", "ready", "stopped"),
        ]

    run(scenario())


def test_the_log_keeps_what_the_engine_says() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        engine = EngineModel(world.link)
        told: list[m.EngineNote] = []
        engine.logged.connect(told.append)
        for n in range(1200):
            world.link.notice(m.EngineNote("info", str(n)))
        world.link.notice(m.RunChanged(world.add_run("run")))
        engine.note("warning", "of the window itself")
        assert len(told) == 1201
        assert [n.text for n in engine.log][-2:] == ["1199", "of the window itself"]
        assert len(engine.log) == 1000

    run(scenario())


def test_the_catalogue_comes_with_each_engine() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        catalogue = CatalogueModel(world.link)
        assert catalogue.presets == ()
        with pytest.raises(LinkClosed):
            await catalogue.refresh()
        for _ in range(2):
            told: list[int] = []
            catalogue.changed.connect(lambda told=told: told.append(1))
            world.link.open()
            await until(lambda told=told: told)
            world.link.die()
        assert catalogue.presets == PRESETS
        assert catalogue.models == ("points", "emoji")
        for find, name in (
            (catalogue.preset, "points-fm"),
            (catalogue.data_set, "rings"),
            (catalogue.method, "meanflow"),
        ):
            found = find(name)
            assert found is not None
            assert found.name == name
            assert find("nothing") is None

    run(scenario())


def test_imported_data_is_in_the_catalogue() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        world.link.open()
        catalogue = CatalogueModel(world.link)
        data = DataSet("mine", "Mine", "images", (3, 8, 8), 5)
        world.link.on(m.ImportData, lambda r: m.Imported(r.id, data, ("a.txt: no picture",)))
        answer = await catalogue.import_data("/pictures", "mine")
        assert answer.skipped == ("a.txt: no picture",)
        assert [type(a) for a in world.link.asked] == [m.ImportData, m.GetCatalogue]

    run(scenario())


def test_an_answer_of_the_wrong_kind_is_refused() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        world.link.open()
        world.link.on(m.GetRuns, lambda r: m.Done(r.id))
        with pytest.raises(Refusal, match="Done where Runs"):
            await ask(world.link, m.GetRuns, m.Runs)

    run(scenario())


def test_a_sealed_checkpoint_of_the_run_in_hand_is_explored(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = FakeWorld()
        models = Models(world.link, tmp_path / "studio.ini")
        await models.engine.start()
        await until(lambda: models.catalogue.presets)
        assert models.form.preset_name == "points-meanflow"
        await models.runs.start(models.form.spec, "mine")
        world.train("mine", 100)
        await models.explore.open("mine")
        world.train("mine", 100)
        await until(lambda: models.explore.model and models.explore.model.step == 200)
        await models.engine.stop()
        await settle()

    run(scenario())
