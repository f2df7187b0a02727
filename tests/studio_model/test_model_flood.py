"""A hand that moves a thousand times a second: nothing piles up, and its last place is shown."""

import asyncio
from pathlib import Path

import pytest
from fake_world import FakeWorld
from loops import run, until
from msgspec.structs import replace

from engine.contract import messages as m
from studio.model import companions, map_model
from studio.model.models import Models
from studio.model.tasks import running

MOVES, ANSWERS = 1000, 50  # so many moves, and how often the engine answers meanwhile


@pytest.fixture(autouse=True)
def _restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a hand that rests asks under this one too."""
    for module in (companions, map_model):
        monkeypatch.setattr(module, "REST", 0.0)


async def beside_each_other(name: str, settings: Path) -> tuple[FakeWorld, Models]:
    """All models of a window: a model in hand, another beside it, and a map under the pad."""
    world = FakeWorld()
    world.models["other"] = replace(world.models[name], name="other")
    models = Models(world.link, settings)
    world.link.open()
    await models.explore.open(name)
    await models.companions.add("other")
    models.maps.choose("error")
    await until(lambda: models.companions.all[0].beside is models.explore.states is not None)
    return world, models


@pytest.mark.parametrize("name", ["points", "emoji"])
def test_a_thousand_moves_a_second_fill_nothing_and_the_last_is_shown(
    name: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        world, models = await beside_each_other(name, tmp_path / "settings.ini")
        link, explore, (other,) = world.link, models.explore, models.companions.all
        before, most_asked, most_running = len(link.of(m.Jump)), 0, 0
        for k in range(1, MOVES + 1):
            link.hold()
            explore.set_times(1.0, k / MOVES, at_once=True)
            await asyncio.sleep(0.001)
            most_asked = max(most_asked, len(link._waiting))
            most_running = max(most_running, running())
            if k % (MOVES // ANSWERS) == 0:
                link.release()
                await asyncio.sleep(0)
        link.release()
        await until(lambda: explore.states.s == 1.0 and other.beside is explore.states)
        jumps = link.of(m.Jump)[before:]
        shown = [jump.s for jump in jumps if jump.model == name]
        assert shown == sorted(shown)
        assert len(jumps) <= 2 * (ANSWERS + 2)  # of both models
        assert most_asked <= 6  # one of each kind
        assert most_running <= 12
        await until(lambda: models.maps.field.whole)

    run(scenario())
