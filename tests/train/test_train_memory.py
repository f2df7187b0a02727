"""A batch that is taken in pieces: the same gradient, less memory at once."""

import copy
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from test_train_methods import NAMES, built, rows, spec_of
from torch import Tensor, nn

from engine.contract.specs import UNet, teacher_steps
from engine.train.fit import PIECES
from engine.train.memory import InPieces, in_pieces, out_of_memory
from engine.train.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

WHOLE = ("lsd", "tvm")


def plain(name: str, kind: str) -> Trainer:
    """A trainer without dropout, in float32, at the student's second step."""
    spec = spec_of(name, kind)
    if isinstance(spec.network, UNet):
        spec = replace(spec, network=replace(spec.network, dropout=0.0))
    spec = replace(spec, training=replace(spec.training, precision="float32"))
    return built(spec, Path("/nowhere"))


def gradients(trainer: Trainer, pieces: int, step: int) -> tuple[float, list[Tensor]]:
    fit = trainer._fit
    fit.loss.pieces = pieces
    before, held = trainer._randomness.state(), copy.deepcopy(fit.objective.state_dict())
    found = fit.measure(trainer._given, trainer._randomness, step)
    trainer._randomness.load(before)
    fit.objective.load_state_dict(held)
    weights = [*fit.network.parameters(), *fit.objective.parameters()]
    return found.values["loss"], [w.grad.clone() for w in weights if w.grad is not None]


@pytest.mark.parametrize("kind", ["points", "emoji-16"])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in WHOLE])
def test_the_gradient_is_the_same_in_pieces(name: str, kind: str, tmp_path: Path) -> None:
    """Of every method, those with a forward derivative and a discriminator too."""
    trainer = plain(name, kind)
    trainer._pool = tmp_path / "trajectories.h5"
    rows(trainer, teacher_steps(trainer.spec) + 1)
    trainer._cross()
    for step in (1, trainer.spec.training.steps - 1):
        trainer._given = trainer._batch()
        trainer._fit.follow(step)
        loss, whole = gradients(trainer, 1, step)
        again, pieces = gradients(trainer, 3, step)
        length = torch.stack([g.norm() for g in whole]).norm()
        apart = torch.stack([(a - b).norm() for a, b in zip(whole, pieces, strict=True)]).norm()
        assert apart <= 2e-4 * length
        assert again == pytest.approx(loss, rel=1e-3, abs=1e-5)
    asked = bool(getattr(trainer.spec.method, "lambda_gan", 0.0))
    assert (trainer._fit.objective.discriminator is not None) == asked


@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_taken_in_pieces_is_known(name: str) -> None:
    fit = plain(name, "points")._fit
    for pieces in (2, 4, 8):
        assert fit.split() == (name not in WHOLE)
        assert fit.pieces == pieces
    assert not fit.split()  # of a batch of 8
    assert PIECES >= 8


def test_no_pass_has_more_rows_than_a_piece() -> None:
    seen: list[int] = []

    class Network(nn.Module):
        def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            seen.append(len(x))
            assert label is None or len(label) == len(x)
            return x * t[:, None]

    x, t = torch.randn(10, 2, requires_grad=True), torch.rand(10)
    for label in (None, torch.arange(10)):
        seen.clear()
        found = InPieces(Network(), 4)(x, t, t, label)
        assert torch.equal(found, x * t[:, None])
        found.sum().backward()
        assert seen == [3, 3, 3, 1, 1, 3, 3, 3]  # there, and again on the way back
    with torch.no_grad():
        seen.clear()
        in_pieces(Network(), 4, x, t, t, None)
        assert seen == [3, 3, 3, 1]


def test_what_memory_that_ran_out_looks_like() -> None:
    assert out_of_memory(torch.OutOfMemoryError())
    assert out_of_memory(MemoryError())
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert not out_of_memory(RuntimeError("shapes do not match"))


def test_a_pass_that_fails_leaves_the_discriminator_as_it_was(tmp_path: Path) -> None:
    trainer = plain("ctm", "emoji-16")
    rows(trainer, trainer.spec.training.steps + teacher_steps(trainer.spec) - 1)
    fit, step = trainer._fit, trainer.spec.training.steps - 1
    held = copy.deepcopy(fit.objective.state_dict())
    trainer._given = trainer._batch()
    last = fit._adversary
    assert last is not None
    last.gradient_norm = no_memory  # type: ignore[method-assign]
    with pytest.raises(torch.OutOfMemoryError):
        fit.measure(trainer._given, trainer._randomness, step)
    assert all(torch.equal(v, held[k]) for k, v in fit.objective.state_dict().items())


def test_looking_at_what_a_step_was_given_leaves_the_discriminator_as_it_was(
    tmp_path: Path,
) -> None:
    trainer = plain("ctm", "emoji-16")
    rows(trainer, trainer.spec.training.steps + teacher_steps(trainer.spec) - 1)
    held = copy.deepcopy(trainer._fit.objective.state_dict())
    assert "loss" in trainer.given()
    assert trainer._fit._adversary is not None
    assert all(torch.equal(v, held[k]) for k, v in trainer._fit.objective.state_dict().items())


def no_memory() -> Tensor:
    raise torch.OutOfMemoryError
