"""A training step opened: asked for while it is looked at, and anew for another model or seed."""

import numpy as np
import pytest
from fake_world import FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from engine.contract.arrays import pack
from engine.contract.catalogue import METHODS
from engine.contract.equations import EQUATIONS
from studio.model.explore_model import ExploreModel
from studio.model.step_model import COUNT, Step, StepModel

ALWAYS = ("data", "noise", "t", "s", "x_t", "answer", "target", "distance", "weight", "loss")


def terms(seed: int = 0, rows: int = COUNT) -> dict[str, np.ndarray]:
    """Numbers at random for MeanFlow, with du/dt on the first two rows alone."""
    draw = np.random.default_rng(seed)
    found = {name: draw.standard_normal((rows, 2)) for name in ("data", "noise", "x_t", "v", "du")}
    found |= {name: draw.standard_normal((rows, 2)) for name in ("answer", "target")}
    found |= {name: draw.random(rows) for name in ("t", "s", "distance", "weight", "loss")}
    found["du"][2:] = np.nan
    return {name: value.astype(np.float32) for name, value in found.items()}


def opened(request: m.OpenStep) -> tuple[m.Message, bytes]:
    arrays, payload = pack(terms(request.seed, request.count))
    return m.StepOpened(request.id, "meanflow", 70, 0.5, arrays), payload


async def exploring() -> tuple[FakeWorld, ExploreModel, StepModel]:
    world = FakeWorld()
    world.link.on(m.OpenStep, opened)
    explore = ExploreModel(world.link)
    steps = StepModel(world.link, explore)
    world.link.open()
    await explore.open("points")
    return world, explore, steps


def test_every_method_has_an_equation_with_the_terms_that_all_tell() -> None:
    assert set(EQUATIONS) == {method.name for method in METHODS}
    for equation in EQUATIONS.values():
        keys = [term.key for term in equation.terms]
        assert len(set(keys)) == len(keys)
        assert set(keys) >= set(ALWAYS)
        assert all(term.meaning.endswith(".") for term in equation.terms)
        for tag in ("b", "i", "sub", "sup"):
            assert equation.loss.count(f"<{tag}>") == equation.loss.count(f"</{tag}>")


def test_it_is_asked_for_while_it_is_open() -> None:
    async def scenario() -> None:
        world, explore, steps = await exploring()
        await settle()
        assert world.link.of(m.OpenStep) == []
        steps.toggle()
        await until(lambda: steps.step is not None)
        assert world.link.of(m.OpenStep)[-1].count == COUNT
        explore.set_source(m.Source(seed=9))
        await until(lambda: len(world.link.of(m.OpenStep)) == 2)
        assert world.link.of(m.OpenStep)[-1].seed == 9
        explore.set_times(0.3, 0.1)
        explore.set_steps(4)
        await settle()
        assert len(world.link.of(m.OpenStep)) == 2
        steps.toggle()
        explore.set_source(m.Source(seed=10))
        await settle()
        assert len(world.link.of(m.OpenStep)) == 2
        steps.toggle()
        await until(lambda: len(world.link.of(m.OpenStep)) == 3)

    run(scenario())


def test_a_refusal_is_one_sentence_and_another_model_is_asked_again() -> None:
    async def scenario() -> None:
        world, explore, steps = await exploring()
        world.link.on(m.OpenStep, lambda r: m.Refused(r.id, "It does not hold its teacher."))
        steps.toggle()
        await until(lambda: bool(steps.problem))
        assert steps.problem == "It does not hold its teacher."
        assert steps.step is None
        world.link.on(m.OpenStep, opened)
        await explore.open("emoji")
        await until(lambda: steps.step is not None)
        assert steps.problem == ""

    run(scenario())


def test_what_a_jump_took_the_place_of_is_asked_again() -> None:
    async def scenario() -> None:
        world, _, steps = await exploring()
        late = [m.Refused(0, "superseded")]
        world.link.on(m.OpenStep, lambda r: late.pop() if late else opened(r))
        steps.toggle()
        await until(lambda: steps.step is not None)
        assert len(world.link.of(m.OpenStep)) == 2

    run(scenario())


def test_the_numbers_of_a_step() -> None:
    found = Step("meanflow", 1, 0.5, terms(), ())
    cosine = found.cosine("answer", "target")
    a, b = found.terms["answer"][0], found.terms["target"][0]
    assert cosine[0] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-5)
    assert np.isnan(found.cosine("answer", "du")[2:]).all()
    assert np.abs(found.cosine("answer", "answer")) == pytest.approx(1.0)
