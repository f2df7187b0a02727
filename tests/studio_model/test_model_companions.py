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
from studio.model.companions import MOST, ORIGIN, TRUTH, Companions, apart
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


def test_openings_do_not_pile_up_while_checkpoints_are_sealed_faster() -> None:
    async def scenario() -> None:
        world, _, companions = await accompanied()
        world.add_run("a")
        world.train("a", 100)
        await companions.add("a")
        before = len(world.link.of(m.OpenModel))
        world.link.hold()
        for _ in range(10):
            world.train("a", 100)
            companions.refresh("a", world.runs["a"].step)
            await settle(3)
        assert len(world.link.of(m.OpenModel)) == before + 1
        world.link.release()
        await until(lambda: companions.all[0].model.step == 1100)
        await settle()
        assert len(world.link.of(m.OpenModel)) <= before + 2

    run(scenario())


def sought(explore: ExploreModel, companions: Companions) -> bool:
    truth = next(other for other in companions.all if other.name == TRUTH)
    return truth.beside is not None and truth.beside is explore.states


def test_the_truth_stands_beside_pictures_and_follows_when_the_hand_rests() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        with pytest.raises(Refusal, match="rings"):
            await companions.add(TRUTH)
        await explore.open("emoji")
        await until(lambda: explore.states is not None)
        await companions.add(TRUTH)
        await until(lambda: sought(explore, companions))
        for k in range(20):
            explore.set_times(0.9 - k / 100, 0.1)
            await settle()
        await until(lambda: explore.states.t == 0.71 and sought(explore, companions))
        asked = world.link.of(m.Follow)
        assert len(asked) <= 3
        assert (asked[-1].model, asked[-1].t, asked[-1].s) == ("emoji", 0.71, 0.1)
        truth = companions.all[0]
        assert truth.gap == apart(truth.states, explore.states) > 0
        assert companions.models == []

    run(scenario())


def test_a_true_flow_that_is_not_known_is_said_in_its_place() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        await explore.open("emoji")
        refused = "Emoji has too many pictures for the flow of all of them."
        world.link.on(m.Follow, lambda r: m.Refused(r.id, refused))
        await companions.add(TRUTH)
        await until(lambda: companions.all[0].problem)
        assert companions.all[0].problem == refused
        world.link.on(m.Follow, world.follow)
        explore.set_times(0.5, 0.0)
        await until(lambda: companions.all[0].states is not None)
        assert companions.all[0].problem == ""

    run(scenario())


def test_a_true_flow_that_gave_way_is_sought_again() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        await explore.open("emoji")
        gone = iter([True])

        def giving_way(r: m.Follow):
            return m.Refused(r.id, m.SUPERSEDED) if next(gone, False) else world.follow(r)

        world.link.on(m.Follow, giving_way)
        await companions.add(TRUTH)
        await until(lambda: sought(explore, companions))
        assert len(world.link.of(m.Follow)) == 2

    run(scenario())


def test_all_stand_where_the_model_in_hand_carries_the_noise() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        await companions.add("other")
        await until(lambda: followed(explore, companions))
        asked = [jump for jump in world.link.of(m.Jump) if jump.model == "other"][-1]
        assert asked.carrier == m.Carrier("points", explore.sampler)

    run(scenario())


def test_the_data_that_it_came_from_stands_beside_a_round_trip() -> None:
    async def scenario() -> None:
        world, explore, companions = await accompanied()
        with pytest.raises(Refusal, match="t = 0"):
            await companions.add(ORIGIN)  # points
        await explore.open("emoji")
        await until(lambda: explore.states is not None and explore.states.x_s.ndim == 4)
        await companions.add(ORIGIN)
        await until(lambda: companions.all[0].problem)
        assert companions.all[0].problem == "Noise comes from no data."
        source = m.Source("data", 2, 8, way="carried")
        explore.set_source(source)
        explore.set_times(1.0, 0.2)
        await until(lambda: followed(explore, companions))
        origin = companions.all[0]
        asked = [jump for jump in world.link.of(m.Jump) if (jump.t, jump.s) == (0.0, 0.0)][-1]
        assert asked.source == source
        assert asked.carrier is None
        assert (origin.states.t, origin.states.s) == (1.0, 0.2)
        assert origin.gap == apart(origin.states, explore.states) > 0
        assert companions.models == []

    run(scenario())
