"""The training loop: what it yields, what it skips, and that going on equals never stopping."""

import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.journal import Columns, Skipped
from engine.contract.specs import (
    MLP,
    Cadence,
    Data,
    FlowMatching,
    MeanFlow,
    RunSpec,
    Times,
    Training,
    UNet,
)
from engine.data.open import open_data
from engine.flow.randomness import Randomness
from engine.objectives.base import unheard
from engine.train import trainer as module
from engine.train.trainer import Row, Tensors, Trainer

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

CPU = torch.device("cpu")
TRAINING = Training(steps=20, batch=4, warmup=4, ema=(0.9, 0.99))
POINTS = RunSpec(Data("eight-gaussians"), FlowMatching(), MLP(width=8, depth=1), training=TRAINING)
PICTURES = RunSpec(
    Data("emoji-16", labels=True, label_dropout=0.3, flip=True),
    FlowMatching(),
    UNet(channels=8, multipliers=(1.0,), blocks=1, attention=(), dropout=0.2),
    training=TRAINING,
    cadence=Cadence(count=3),
)
SPECS = {
    "fm on points": POINTS,
    "meanflow on points": replace(POINTS, method=MeanFlow(share_off_diagonal=0.5)),
    "fm on pictures": PICTURES,
    "meanflow on pictures": replace(PICTURES, method=MeanFlow(share_off_diagonal=0.5)),
}
UNTIMED = ("seconds", "samples_per_second")


def built(spec: RunSpec) -> Trainer:
    return Trainer(spec, open_data(spec.data.name, Path("/nowhere")), CPU, threads=1)


def rows(trainer: Trainer, count: int | None = None) -> list[dict[str, float]]:
    found, names = [], ()
    for event in trainer.run():
        if isinstance(event, Columns):
            names = event.names
        elif isinstance(event, Row):
            found.append(dict(zip(names, event.values, strict=True)))
        if len(found) == count:
            break
    return [{k: v for k, v in row.items() if k not in UNTIMED} for row in found]


def kept(trainer: Trainer) -> Tensors:
    """A copy of all its tensors, to be taken before another trainer draws."""
    return {n: {k: v.clone() for k, v in g.items()} for n, g in trainer.tensors().items()}


def assert_same(first: Tensors, second: Tensors) -> None:
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].keys() == second[name].keys()
        for key, value in first[name].items():
            assert torch.equal(value, second[name][key]), (name, key)


def moved(trainer: Trainer) -> Trainer:
    """Another trainer that takes over, as after a restart."""
    tensors = kept(trainer)
    torch.manual_seed(99)
    torch.rand(7)
    other = built(trainer.spec)
    other.load(tensors, trainer.state())
    return other


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("stops", [(10,), (7, 13)])
def test_going_on_equals_never_having_stopped(spec, stops) -> None:
    whole = built(spec)
    wanted, end = rows(whole), kept(whole)
    trainer, found = built(spec), []
    for stop in stops:
        found += rows(trainer, stop - trainer.step)
        trainer = moved(trainer)
    found += rows(trainer)
    assert found == wanted
    assert trainer.step == 20
    assert_same(kept(trainer), end)
    assert np.array_equal(trainer.preview(), whole.preview())


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_preview_leaves_no_trace_in_the_training(spec) -> None:
    plain = built(spec)
    rows(plain, 4)
    end, watched = kept(plain), built(spec)
    for event in islice(watched.run(), 5):
        if isinstance(event, Row):
            first, second = watched.preview(), watched.preview()
            assert np.array_equal(first, second)
    assert_same(kept(watched), end)
    assert watched.network.training


def test_the_same_seed_trains_the_same_and_another_does_not() -> None:
    assert rows(built(POINTS)) == rows(built(POINTS))
    other = replace(POINTS, seed=1)
    assert rows(built(POINTS), 1) != rows(built(other), 1)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_columns_come_first_and_tell_the_rows(spec) -> None:
    events = list(built(replace(spec, training=replace(TRAINING, steps=5))).run())
    assert isinstance(events[0], Columns)
    names = events[0].names
    assert names[:4] == ("step", "seconds", "loss", "error")
    assert names[-3:] == ("gradient_norm", "learning_rate", "samples_per_second")
    parts = {"error_jump", "error_diagonal", "tangent"}
    assert parts & set(names) == (parts if isinstance(spec.method, MeanFlow) else set())
    assert [e.step for e in events[1:] if isinstance(e, Row)] == [1, 2, 3, 4, 5]
    assert all(math.isfinite(v) for e in events[1:] if isinstance(e, Row) for v in e.values)


def test_the_parts_add_up_to_the_error() -> None:
    spec = replace(SPECS["meanflow on points"], training=replace(TRAINING, batch=8))
    for row in rows(built(spec)):
        assert math.isclose(
            row["error"], (row["error_jump"] + row["error_diagonal"]) / 2, rel_tol=1e-5
        )


def test_the_velocity_error_falls_to_that_of_the_exact_velocity() -> None:
    training = Training(steps=300, batch=256, warmup=5, learning_rate=1e-2, ema=(0.9,))
    spec = replace(
        POINTS, method=FlowMatching(Times("uniform")), network=MLP(32, 2), training=training
    )
    found = [row["error"] for row in rows(built(spec))]
    trainer = built(spec)
    exact = trainer.dataset.exact()
    assert exact is not None
    data, noise = (
        trainer.dataset.draw(4000, Randomness(1)).data,
        Randomness(1).normal("n", (4000, 2)),
    )
    t = Randomness(1).uniform("t", (4000,))
    x_t = data + t[:, None] * (noise - data)
    floor = (noise - data - exact.v(x_t, t)).square().mean().item()
    assert 0.9 * floor < np.mean(found[-50:]) < 1.1 * floor < 0.8 * np.mean(found[:3])


def poisoned(monkeypatch, when: Callable[[int], bool], infinite_loss: bool) -> Trainer:
    trainer = built(POINTS)
    measured = trainer._fit.loss.forward

    def poison(batch, randomness, progress, record=unheard):  # type: ignore[no-untyped-def]
        found = measured(batch, randomness, progress, record)
        if not when(round(progress * POINTS.training.steps) + 1):
            return found
        loss = found.loss
        loss = loss * math.inf if infinite_loss else loss + _NanGradient.apply(loss)
        return found._replace(loss=loss)

    monkeypatch.setattr(trainer._fit.loss, "forward", poison)
    return trainer


class _NanGradient(torch.autograd.Function):
    """A finite value whose gradient is not a number."""

    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:  # type: ignore[no-untyped-def, override]
        return torch.zeros_like(x)

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> torch.Tensor:  # type: ignore[no-untyped-def, override]
        return torch.full_like(grad, math.nan)


@pytest.mark.parametrize("infinite_loss", [True, False])
def test_an_update_that_is_not_finite_is_skipped_before_anything_moves(
    monkeypatch, infinite_loss
) -> None:
    trainer = poisoned(monkeypatch, lambda step: step in (3, 4), infinite_loss)
    before: dict[str, dict[str, torch.Tensor]] = {}
    skipped = []
    for event in trainer.run():
        now = {n: g for n, g in trainer.tensors().items() if n != "randomness"}
        if isinstance(event, Skipped):
            skipped.append(event.step)
            assert "loss" in event.reason if infinite_loss else "gradient" in event.reason
            for name, group in now.items():
                assert all(torch.equal(v, before[name][k]) for k, v in group.items())
        before = {n: {k: v.clone() for k, v in g.items()} for n, g in now.items()}
    assert skipped == [3, 4]
    assert trainer.step == 20
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())


def test_twenty_in_a_row_end_it_with_a_sentence_and_nineteen_do_not(monkeypatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 5)
    trainer = poisoned(monkeypatch, lambda step: step % 5 != 0, True)
    assert len([e for e in trainer.run() if isinstance(e, Skipped)]) == 16
    trainer = poisoned(monkeypatch, lambda step: step >= 3, True)
    with pytest.raises(UserError, match=r"^Training stopped at step 7: .*lower learning rate"):
        list(trainer.run())


def test_labels_are_hidden_at_the_asked_rate_and_never_without_asking() -> None:
    for share, low, high in ((0.0, 0, 0), (0.3, 0.2, 0.4), (1.0, 1, 1)):
        data = replace(PICTURES.data, label_dropout=share)
        spec = replace(PICTURES, data=data, training=replace(TRAINING, batch=600))
        trainer = built(spec)
        label = trainer._batch().label
        assert label is not None
        assert low <= (label == trainer.classes).float().mean().item() <= high
        assert label.max() <= trainer.classes
    plain = replace(PICTURES, data=replace(PICTURES.data, labels=False))
    assert built(plain)._batch().label is None


def test_labels_that_are_not_there_are_refused() -> None:
    with pytest.raises(UserError, match="has no labels"):
        built(replace(POINTS, data=replace(POINTS.data, labels=True)))


def test_a_checkpoint_of_another_network_is_refused() -> None:
    small = built(POINTS)
    wide = built(replace(POINTS, network=MLP(width=16, depth=1)))
    with pytest.raises(UserError, match=r"does not fit spec\.toml"):
        wide.load(small.tensors(), small.state())
    other = built(replace(POINTS, training=replace(TRAINING, ema=(0.5,))))
    with pytest.raises(UserError, match=r"only spec\.toml has ema-0\.5"):
        other.load(small.tensors(), small.state())


def test_pictures_are_previewed_as_pictures_and_points_as_points() -> None:
    pictures = built(PICTURES).preview()
    assert (pictures.shape, pictures.dtype) == ((3, 16, 16, 3), np.uint8)
    points = built(replace(POINTS, cadence=Cadence(count=9))).preview()
    assert (points.shape, points.dtype) == ((9, 2), np.float32)


def test_bfloat16_trains_and_keeps_its_weights_in_float32() -> None:
    spec = replace(
        SPECS["meanflow on pictures"],
        training=replace(TRAINING, precision="bfloat16", steps=3, warmup=1),
    )
    trainer = built(spec)
    assert all(math.isfinite(row["loss"]) for row in rows(trainer))
    assert {v.dtype for v in trainer.tensors()["model"].values()} == {torch.float32}
