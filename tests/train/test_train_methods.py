"""Every method through the real trainer: resuming, its teacher's phase, gradients, telling rows."""

import copy
import math
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from engine.contract import specs
from engine.contract.catalogue import METHODS, method, presets
from engine.contract.errors import UserError
from engine.contract.journal import Columns
from engine.contract.schema import fields, with_value
from engine.contract.specs import Cadence, RunSpec, teacher_of, teacher_steps, total_steps
from engine.data.open import open_data
from engine.flow.randomness import Randomness
from engine.networks.build import network_of
from engine.objectives.base import alone
from engine.objectives.distillation import PD
from engine.objectives.pool import Drawn
from engine.objectives.registry import build_objective
from engine.train.optimiser import learning_rate
from engine.train.teacher import exact_teacher, network_teacher, start_from
from engine.train.trainer import Row, Tensors, Trainer

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

NAMES = [m.name for m in METHODS]
CPU = torch.device("cpu")
STEPS, TAUGHT = 8, 4


def small(spec: RunSpec) -> RunSpec:
    """A preset with a small network, few steps, and a teacher of its own where it needs one."""
    network: specs.Network = specs.MLP(width=16, depth=1)
    if not isinstance(spec.network, specs.MLP):
        network = specs.UNet(channels=8, multipliers=(1.0,), blocks=1, attention=(), dropout=0.2)
    training = replace(spec.training, steps=STEPS, batch=8, warmup=2)
    spec = replace(spec, network=network, training=training, cadence=Cadence(count=4))
    small_values = {
        "method.teacher.source": "",
        "method.teacher.steps": TAUGHT,
        "method.trajectories.count": 32,
        "method.trajectories.steps": 4,
        "method.max_solver_steps": 2,
        "method.gan_from": 0.5,
    }
    known = {f.key for f in fields(spec)}
    for key, value in small_values.items():
        if key in known:
            spec = with_value(spec, key, value)
    return spec


def spec_of(name: str, kind: str) -> RunSpec:
    return small(presets()[f"{kind}-{name}"].spec)


def built(spec: RunSpec, folder: Path, exact: bool = False) -> Trainer:
    data = open_data(spec.data.name, folder)
    teacher = exact_teacher(data) if exact else None
    return Trainer(spec, data, CPU, 1, teacher, folder / "trajectories.h5")


def rows(trainer: Trainer, count: int | None = None) -> list[dict[str, float]]:
    found: list[dict[str, float]] = []
    names: tuple[str, ...] = ()
    for event in trainer.run():
        if isinstance(event, Columns):
            names = event.names
        elif isinstance(event, Row):
            found.append(dict(zip(names, event.values, strict=True)))
        if len(found) == count:
            break
    untimed = ("seconds", "samples_per_second")
    return [{k: v for k, v in row.items() if k not in untimed} for row in found]


def kept(trainer: Trainer) -> Tensors:
    return {n: {k: v.clone() for k, v in g.items()} for n, g in trainer.tensors().items()}


def same(first: Tensors, second: Tensors) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name][key])
        for name, group in first.items()
        for key, value in group.items()
    )


@pytest.mark.parametrize("kind", ["points", "emoji-16"])
@pytest.mark.parametrize("name", NAMES)
def test_going_on_equals_never_having_stopped(name: str, kind: str, tmp_path: Path) -> None:
    """Stopped within the teacher's phase, at its very end, and within the student's."""
    spec = spec_of(name, kind)
    whole = built(spec, tmp_path)
    wanted, end = rows(whole), kept(whole)
    assert len(wanted) == total_steps(spec) == STEPS + teacher_steps(spec)
    assert all(math.isfinite(value) for row in wanted for value in row.values())
    trainer, found = built(spec, tmp_path), []
    for stop in (2, TAUGHT, total_steps(spec) - 3):
        found += rows(trainer, stop - trainer.step)
        tensors, state = kept(trainer), trainer.state()
        torch.manual_seed(99)
        trainer = built(spec, tmp_path)
        trainer.load(tensors, state)
    found += rows(trainer)
    assert found == wanted
    assert same(kept(trainer), end)


@pytest.mark.parametrize("name", [n for n in NAMES if "teacher" in method(n).needs])
def test_without_a_teacher_one_is_trained_first_and_left_alone_after(
    name: str, tmp_path: Path
) -> None:
    spec = spec_of(name, "points")
    assert teacher_of(spec) is not None
    trainer = built(spec, tmp_path)
    assert trainer.phase == "teacher"
    rows(trainer, TAUGHT)
    averages = kept(trainer)[f"ema-{spec.training.ema[-1]:g}"]
    rows(trainer, 1)
    assert trainer.phase == "training"
    taught = kept(trainer)["teacher"]
    assert all(torch.equal(value, averages[key]) for key, value in taught.items())
    rows(trainer)
    assert same({"teacher": taught}, {"teacher": kept(trainer)["teacher"]})
    given = built(with_value(spec, "method.teacher.source", "exact"), tmp_path, exact=True)
    assert given.phase == "training"
    assert len(rows(given)) == STEPS
    assert "teacher" not in given.tensors()


@pytest.mark.parametrize("kind", ["points", "emoji-16"])
@pytest.mark.parametrize("name", NAMES)
def test_every_weight_that_is_fitted_moves(name: str, kind: str, tmp_path: Path) -> None:
    spec = spec_of(name, kind)
    trainer = built(spec, tmp_path)
    rows(trainer, teacher_steps(spec) + 1)
    before = kept(trainer)
    rows(trainer)
    after = trainer.tensors()
    groups = [n for n in after if n in ("model", "objective") or n.startswith("ema")]
    still = {
        f"{n}.{key}"
        for n in groups
        for key, value in after[n].items()
        if value.is_floating_point() and torch.equal(value, before[n][key])
    }
    # While no logit passes the hinge, its pull on the last bias by real and made samples cancels;
    # the vector that spectral normalisation keeps for one row is 1.
    assert {key for key in still if not key.startswith("objective.discriminator.last.")} == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_one_modules_forward(name: str) -> None:
    """What wraps a module (gradient sync, a compiler) sees all: no gradient comes any other way."""
    spec = spec_of(name, "points")
    seen: list[tuple[int, ...]] = []
    network = network_of(spec, (2,))
    objective = build_objective(spec.method, (2,))
    data = open_data(spec.data.name, Path())
    teacher = exact_teacher(data).velocity
    batch = data.draw(8, Randomness(0))
    models = alone(network, teacher)
    if objective.wants_pool:
        models = models._replace(pool=Straight())
    first = objective(models, batch, Randomness(1), 0.3)
    first.loss.backward()
    gradients = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    assert gradients
    network.zero_grad()
    network.register_forward_hook(lambda m, inputs, found: seen.append(tuple(found.shape)))
    again = objective(models, batch, Randomness(1), 0.3)
    again.loss.backward()
    assert seen
    for found, wanted in zip(network.parameters(), gradients, strict=True):
        assert found.grad is not None
        assert torch.equal(found.grad, wanted)


class Straight:
    """Trajectories that are straight lines."""

    def draw(self, count: int, randomness: Randomness) -> Drawn:
        noise, data = randomness.normal("a", (2, count, 2))
        times = torch.linspace(1, 0, 5)
        states = times[:, None, None] * noise + (1 - times[:, None, None]) * data
        return Drawn(states, times, None)


def test_a_training_can_be_of_every_method() -> None:
    known = presets()
    for name in NAMES:
        for kind in ("points", "emoji-16"):
            assert known[f"{kind}-{name}"].spec.method.__struct_config__.tag == name


TAUGHT_ONES = [("points", n) for n in NAMES if "teacher" in method(n).needs] + [("emoji-16", "ctm")]


@pytest.mark.parametrize(("kind", "name"), TAUGHT_ONES)
def test_the_space_of_a_checkpoint_is_known_before_the_teacher_is_trained(
    kind: str, name: str, tmp_path: Path
) -> None:
    spec = spec_of(name, kind)
    trainer = built(spec, tmp_path)
    streams = torch.get_rng_state()
    estimate = trainer.checkpoint_bytes
    assert torch.equal(torch.get_rng_state(), streams)
    drawn = sum(t.numel() for t in trainer.tensors()["randomness"].values())
    rows(trainer, TAUGHT + 1)
    assert trainer.phase == "training"
    own = [t for n, group in trainer.tensors().items() if n != "randomness" for t in group.values()]
    taken = sum(t.numel() * t.element_size() for t in own)
    assert taken <= estimate - drawn <= 1.05 * taken


def test_until_the_students_first_step_a_checkpoint_holds_its_teacher(tmp_path: Path) -> None:
    """Also where the wish to stop comes while the trajectories are made."""
    spec = with_value(spec_of("cmt", "points"), "method.teacher.start", "false")
    (tmp_path / "whole").mkdir()
    wanted = rows(built(spec, tmp_path / "whole"))

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stop

    data = open_data(spec.data.name, tmp_path)
    trainer = Trainer(spec, data, CPU, 1, None, tmp_path / "trajectories.h5", stop)
    with pytest.raises(Stop):
        rows(trainer)
    assert (trainer.step, trainer.phase) == (TAUGHT, "teacher")
    tensors, state = kept(trainer), trainer.state()
    other = built(spec, tmp_path)
    other.load(tensors, state)
    assert rows(other) == wanted[TAUGHT:]


def test_a_teacher_of_another_parameterisation_gives_no_weights(tmp_path: Path) -> None:
    spec = spec_of("cd", "points")
    network = built(spec, tmp_path).network
    assert start_from(network, spec, network_teacher(copy.deepcopy(network), spec))
    other = replace(spec, parameterisation=specs.Preconditioned(sigma_data=0.1))
    assert not start_from(network, spec, network_teacher(copy.deepcopy(network), other))


def test_another_teacher_in_spec_toml_is_refused(tmp_path: Path) -> None:
    spec = spec_of("cd", "points")
    trainer = built(spec, tmp_path)
    rows(trainer)
    tensors, state = kept(trainer), trainer.state()
    for key, value in (("method.teacher.steps", 7), ("method.teacher.source", "exact")):
        other = with_value(spec, key, value)
        with pytest.raises(UserError, match="its teacher is another one"):
            built(other, tmp_path, exact=value == "exact").load(tensors, state)
    wide = replace(spec, network=specs.MLP(width=24, depth=1))
    with pytest.raises(UserError, match="does not fit"):
        built(wide, tmp_path).load(tensors, state)


@pytest.mark.parametrize("preset", ["points-pd", "emoji-16-pd", "cifar-10-pd"])
def test_the_rate_falls_anew_in_each_stage_of_progressive_distillation(preset: str) -> None:
    spec = presets()[preset].spec
    objective = build_objective(spec.method, (2,))
    assert isinstance(objective, PD)
    steps = 60 * objective.stages + 7
    training = replace(spec.training, steps=steps, warmup=5)
    stages = []
    for step in range(steps):
        objective.target_decay(step / steps)
        stages.append(int(objective.stage))
    firsts = [stages.index(stage) for stage in range(objective.stages)]
    rates = [learning_rate(training, step) / training.learning_rate for step in range(steps)]
    assert all(rates[first] > 0.97 for first in firsts[1:])
    assert all(rates[first - 1] < 0.04 for first in [*firsts[1:], steps])


def test_another_number_of_cycles_than_of_stages_is_told() -> None:
    spec = presets()["points-pd"].spec
    for cycles, keys in ((1, []), (5, ["training.cycles"]), (6, []), (12, ["training.cycles"])):
        other = replace(spec, training=replace(spec.training, cycles=cycles))
        assert [p.key for p in specs.problems(other, "points")] == keys


def test_progressive_distillation_needs_a_step_for_each_stage() -> None:
    spec = presets()["points-pd"].spec
    short = replace(spec, training=replace(spec.training, steps=5, warmup=0))
    assert [p.key for p in specs.problems(short, "points")] == ["training.steps"]
