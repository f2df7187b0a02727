"""Models beside the one in hand: the same jump from the same noise, and how far they are apart."""

import numpy as np
import pytest
from fake_world import FakeWorld
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from engine.contract.arrays import pack
from engine.contract.catalogue import Grid
from studio.link.link import Refusal
from studio.model.companions import MOST, Companions, apart
from studio.model.explore_model import ExploreModel


async def accompanied() -> tuple[FakeWorld, ExploreModel, Companions]:
    """A model of points in hand, three more of the same kind in the catalogue."""
    world = FakeWorld()
    for name in ("other", "third", "velocity", "steps"):
        capability = {"velocity": "velocity", "steps": "dyadic"}.get(name, "flow map")
        world.models[name] = structs.replace(
            world.models["points"], name=name, capability=capability, grid=Grid(4)
        )
    explore = ExploreModel(world.link)
    companions = Companions(world.link, explore)
    world.link.open()
    await explore.open("points")
    await until(lambda: explore.states is not None)
    return world, explore, companions


def followed(explore: ExploreModel, companions: Companions) -> bool:
    mine = explore.states
    return mine is not None and all(
        other.states is not None and (other.states.t, other.states.s) == (mine.t, mine.s)
        for other in companions.all
    )


def test_a_companion_follows_every_jump() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        await companions.add("other")
        await until(lambda: followed(explore, companions))
        explore.set_times(0.7, 0.2)
        explore.set_source(m.Source(seed=3, count=8))
        await until(lambda: explore.states is not None and explore.states.s == 0.2)
        await until(lambda: followed(explore, companions))
        asked = [jump for jump in world.link.of(m.Jump) if jump.model == "other"][-1]
        assert (asked.t, asked.s, asked.source) == (0.7, 0.2, m.Source(seed=3, count=8))
        assert apart(companions.all[0].states, explore.states) == 0.0

    run(scenario())


def test_how_far_they_are_apart_is_a_root_mean_square() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()

        def farther(asked: m.Jump) -> tuple[m.Message, bytes]:
            answer, payload = world.jump(asked)
            if asked.model != "other":
                return answer, payload
            x = np.frombuffer(payload, np.float32).reshape(2, -1, 2) + np.float32(0.25)
            described, payload = pack({"x_t": x[0], "x_s": x[1]})
            return structs.replace(answer, arrays=described), payload

        world.link.on(m.Jump, farther)
        await companions.add("other")
        await until(lambda: followed(explore, companions))
        assert companions.all[0].gap == pytest.approx(0.25, abs=1e-6)

    run(scenario())


def test_ends_of_other_jumps_are_not_compared() -> None:
    async def scenario() -> None:
        _, explore, companions = await accompanied()
        await companions.add("other")
        await until(lambda: followed(explore, companions))
        before = companions.all[0].states
        explore.set_times(0.5, 0.1)
        await until(lambda: explore.states is not None and explore.states.t == 0.5)
        assert apart(before, explore.states) is None
        assert apart(None, explore.states) is None

    run(scenario())


def test_each_is_asked_for_what_it_knows() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        explore.set_sampler(m.Sampler(gamma=0.5))
        await companions.add("velocity")
        await companions.add("steps")
        explore.set_times(0.8, 0.3)
        await until(lambda: any(j.model == "steps" and j.t == 0.75 for j in world.link.of(m.Jump)))
        velocity = [jump for jump in world.link.of(m.Jump) if jump.model == "velocity"][-1]
        steps = [jump for jump in world.link.of(m.Jump) if jump.model == "steps"][-1]
        assert velocity.sampler.gamma is None
        assert steps.sampler.gamma is None
        assert (steps.t, steps.s) == (0.75, 0.25)

    run(scenario())


def test_what_cannot_stand_beside_is_said() -> None:
    async def scenario() -> None:
        world, _, companions = await accompanied()
        for name, words in (
            ("points", "there already"),
            ("emoji", "other samples"),
            ("nobody", "no model"),
        ):
            with pytest.raises(Refusal, match=words):
                await companions.add(name)
        for k in range(MOST):
            world.models[f"more-{k}"] = structs.replace(world.models["points"], name=f"more-{k}")
            await companions.add(f"more-{k}")
        with pytest.raises(Refusal, match="At most"):
            await companions.add("other")

    run(scenario())


def test_another_kind_in_hand_sends_them_away() -> None:
    async def scenario() -> None:
        _, explore, companions = await accompanied()
        await companions.add("other")
        await companions.add("third")
        companions.remove("other")
        assert [other.name for other in companions.all] == ["third"]
        await explore.open("emoji")
        assert companions.all == []

    run(scenario())


def test_one_that_fails_leaves_the_others() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()

        def broken(asked: m.Jump) -> m.Message | tuple[m.Message, bytes]:
            return m.Refused(asked.id, "Broken.") if asked.model == "other" else world.jump(asked)

        world.link.on(m.Jump, broken)
        await companions.add("other")
        await companions.add("third")
        await until(lambda: companions.all[1].states is not None)
        await until(lambda: companions.all[0].problem == "Broken.")
        assert explore.states is not None
        await settle()

    run(scenario())


def test_in_a_long_sweep_every_companion_has_its_turn() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        for name in ("other", "third"):
            await companions.add(name)
        for k in range(30):
            explore.set_times(1.0, k / 40)
            await settle()
        asked = [jump.model for jump in world.link.of(m.Jump)]
        assert abs(asked.count("other") - asked.count("third")) <= 2

    run(scenario())


def test_a_run_beside_follows_its_newest_checkpoint() -> None:
    async def scenario() -> None:
        world, _, companions = await accompanied()
        world.add_run("a")
        world.train("a", 100)
        await companions.add("a")
        assert companions.all[0].model.step == 100
        world.train("a", 100)
        companions.refresh("a", 200)
        await until(lambda: companions.all[0].model.step == 200)

    run(scenario())
