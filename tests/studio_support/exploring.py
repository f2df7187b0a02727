"""An explorer on a made-up engine, and what it told."""

from fake_world import FakeWorld
from loops import settle, until

from engine.contract import messages as m
from studio.model.explore_model import ExploreModel


class Watch:
    """Everything that an explorer told."""

    def __init__(self, explore: ExploreModel) -> None:
        self.shown: list[tuple[float, float]] = []
        self.refused: list[str] = []
        explore.states_changed.connect(lambda: self.shown.append(where(explore)))
        explore.failed.connect(self.refused.append)


def where(explore: ExploreModel) -> tuple[float, float]:
    assert explore.states is not None
    return explore.states.t, explore.states.s


async def exploring(name: str = "points") -> tuple[FakeWorld, ExploreModel, Watch]:
    """A world, an explorer that shows a model, and what it told."""
    world = FakeWorld()
    explore = ExploreModel(world.link)
    watch = Watch(explore)
    world.link.open()
    await explore.open(name)
    await until(lambda: explore.states is not None)
    await settle()
    return world, explore, watch


def giving_way(world: FakeWorld) -> None:
    """From now on it gives traces up as an engine does: for every jump that comes meanwhile."""
    trace = world.trace

    def answer(asked: m.Trace) -> m.Message | tuple[m.Message, bytes]:
        since = [other for other in world.link.asked if other.id > asked.id]
        if any(isinstance(other, m.Jump | m.OpenModel) for other in since):
            return m.Refused(asked.id, m.SUPERSEDED)
        return trace(asked)

    world.link.on(m.Trace, answer)
