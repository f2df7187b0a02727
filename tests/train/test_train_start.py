"""The first weights of a fork: the average of its parent, and of nothing else anything."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.journal import Noticed
from engine.contract.lineage import start_problems
from engine.contract.specs import (
    CD,
    EXACT,
    MLP,
    TVM,
    Cadence,
    Data,
    FlowMatching,
    ImprovedMeanFlow,
    MeanFlow,
    Preconditioned,
    RunSpec,
    Teacher,
    Training,
    UNet,
)
from engine.data.open import open_data
from engine.networks.build import network_of
from engine.train.teacher import fill
from engine.train.trainer import Row, Trainer

NOWHERE = Path("/nowhere")
TRAINING = Training(steps=12, batch=8, warmup=2, ema=(0.9, 0.99))
POINTS = RunSpec(
    Data("eight-gaussians"), MeanFlow(), MLP(8, 1), training=TRAINING, cadence=Cadence(count=5)
)
PICTURES = replace(
    POINTS,
    data=Data("emoji-16", labels=True),
    network=UNet(channels=8, multipliers=(1.0,), blocks=1, attention=(), dropout=0.2),
    training=replace(TRAINING, batch=2, steps=4),
)


def trainer_of(spec: RunSpec, start: dict[str, torch.Tensor] | None = None) -> Trainer:
    data = open_data(spec.data.name, NOWHERE)
    return Trainer(spec, data, torch.device("cpu"), 1, start=start)


def shown(trainer: Trainer) -> dict[str, torch.Tensor]:
    """The average that is shown, as a checkpoint has it."""
    return {k: v.clone() for k, v in trainer.tensors()["ema-0.99"].items()}


def forked(spec: RunSpec, **changes: object) -> tuple[Trainer, Trainer]:
    """A trained parent, and its child before the first step."""
    parent = trainer_of(spec)
    for _ in parent.run():
        pass
    child = replace(spec, start=f"a@{parent.step}", **changes)
    return parent, trainer_of(child, shown(parent))


@pytest.mark.parametrize("spec", [POINTS, PICTURES], ids=["points", "pictures"])
def test_a_child_begins_as_the_average_of_its_parent(spec) -> None:
    parent, child = forked(spec)
    assert child.step == 0
    assert np.array_equal(child.preview(), parent.preview())
    wanted = shown(parent)
    for name in ("model", "ema-0.9", "ema-0.99"):
        for key, value in child.tensors()[name].items():
            assert torch.equal(value, wanted[key]), (name, key)
    assert all(not v.any() for v in child.tensors()["optimiser"].values())


def test_a_child_of_another_method_and_seed_begins_there_too() -> None:
    parent, child = forked(POINTS, method=TVM(), seed=3)
    target = child.tensors()["target"]
    assert all(torch.equal(target[k], v) for k, v in shown(parent).items())


def test_a_child_says_once_where_it_starts_and_then_leaves() -> None:
    parent, child = forked(POINTS)
    said = [event.message for event in child.run() if isinstance(event, Noticed)]
    assert said == ["It starts from the weights of a at step 12."]
    assert child.step == 12
    assert not np.array_equal(child.preview(), parent.preview())


@pytest.mark.parametrize("source", ["", EXACT])
def test_a_student_starts_there_and_its_teacher_does_not(source) -> None:
    parent, _ = forked(POINTS)
    spec = replace(POINTS, method=CD(teacher=Teacher(source, steps=4)), start="a@12")
    data, start = open_data(spec.data.name, NOWHERE), shown(parent)
    given = None
    if source:
        from engine.train.teacher import exact_teacher

        given = exact_teacher(data)
    child = Trainer(spec, data, torch.device("cpu"), 1, given, start=start)
    own = not source
    assert (child.phase == "teacher") == own
    fresh = [torch.equal(v, start[k]) for k, v in child.network.state_dict().items()]
    assert all(fresh) != own
    for event in child.run():
        if isinstance(event, Noticed):
            instead = ", not from its teacher's" if own else ""
            assert event.message == f"It starts from the weights of a at step 12{instead}."
            assert child.step == (4 if own else 0)
            student = child.network.state_dict()
            assert all(torch.equal(v, start[k]) for k, v in student.items())
            break
    else:
        raise AssertionError("nothing was said")


def test_going_on_in_the_teachers_phase_still_ends_in_the_given_weights() -> None:
    parent, _ = forked(POINTS)
    spec = replace(POINTS, method=CD(teacher=Teacher(steps=4)), start="a@12")
    whole, halted = trainer_of(spec, shown(parent)), trainer_of(spec, shown(parent))
    for _ in whole.run():
        pass
    steps = (event for event in halted.run() if isinstance(event, Row))
    next(steps), next(steps)
    saved = {n: {k: v.clone() for k, v in g.items()} for n, g in halted.tensors().items()}
    other = trainer_of(spec, shown(parent))
    other.load(saved, halted.state())
    for _ in other.run():
        pass
    for name, group in whole.tensors().items():
        assert all(torch.equal(v, other.tensors()[name][k]) for k, v in group.items()), name


def test_weights_of_another_network_are_refused() -> None:
    parent, _ = forked(POINTS)
    with pytest.raises(UserError, match="a@12 has another network"):
        trainer_of(replace(POINTS, network=MLP(9, 1), start="a@12"), shown(parent))


VARIANTS = [
    POINTS,
    replace(POINTS, method=FlowMatching()),
    replace(POINTS, method=ImprovedMeanFlow()),
    replace(POINTS, method=ImprovedMeanFlow(velocity_head="boundary")),
    replace(POINTS, network=MLP(8, 2)),
    replace(POINTS, parameterisation=Preconditioned()),
    PICTURES,
    replace(PICTURES, data=Data("emoji-16")),
    replace(PICTURES, method=ImprovedMeanFlow()),
    replace(PICTURES, method=ImprovedMeanFlow(guidance="chosen")),
    replace(PICTURES, network=replace(PICTURES.network, dropout=0.0)),
    replace(PICTURES, network=replace(PICTURES.network, blocks=2)),
]


@pytest.mark.parametrize("pair", list(combinations(range(len(VARIANTS)), 2)), ids=str)
def test_what_is_told_before_is_what_the_weights_say(pair) -> None:
    """Refused by their specs are exactly the weights that do not fit, or mean something else."""
    parent, child = (VARIANTS[k] for k in pair)
    data, learned = (open_data(s.data.name, NOWHERE).info for s in (child, parent))
    networks = []
    for spec, info in ((parent, learned), (child, data)):
        networks.append(network_of(spec, info.shape, len(info.labels) if spec.data.labels else 0))
    fits = fill(networks[1], networks[0].state_dict())
    same = parent.parameterisation == child.parameterisation
    assert (start_problems(child, data, parent, learned) == []) == (fits and same)
