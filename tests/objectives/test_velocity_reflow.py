"""Reflow: straight lines between noise and the end of the teacher's ODE."""

import torch
from gaussian_flow import DEVIATION, LinearFlow, gaussian_batch, variance
from gaussian_pool import GaussianPool, Lines, trained
from torch import Tensor

from engine.contract import specs
from engine.flow.randomness import Randomness
from engine.flow.solvers import euler, even, integrate
from engine.objectives.base import Loss, Models
from engine.objectives.flow_matching import Reflow

SPEC = specs.Reflow()


def loss_of(network: object, seed: int = 0, batch_seed: int = 0, steps: int = 4) -> Loss:
    models = Models(network, network, pool=GaussianPool(steps))  # type: ignore[arg-type]
    found: Loss = Reflow(SPEC, (1,))(models, gaussian_batch(40, batch_seed), Randomness(seed), 0.0)
    return found


def test_its_pairs_are_joined_by_straight_lines() -> None:
    """Where it asks lies on the line from the noise to that noise's own end, at every t."""
    asked: list[tuple[Tensor, Tensor]] = []

    def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        assert torch.equal(t, s)
        asked.append((x, t))
        return x * 0

    found = loss_of(network)
    ((x_t, t),) = asked
    noise = Randomness(0).normal("pool", (40, 1)).double()
    end = noise * (variance(torch.zeros(())) / variance(torch.ones(()))).sqrt()
    torch.testing.assert_close(x_t, end + t[:, None] * (noise - end))
    torch.testing.assert_close(found.parts["error"], (noise - end).square().mean(1))


def test_the_exact_answer_has_no_error_and_a_constant_velocity() -> None:
    """Its pairs are one line through each point, unlike those of noise and data drawn apart."""
    lines = Lines(1 - DEVIATION, 0.0)
    assert loss_of(lines).loss.item() < 1e-28
    assert loss_of(LinearFlow.exact()).loss.item() > 0.01
    noise = torch.randn(20, 1, dtype=torch.float64)
    along = [
        lines(noise + (t - 1) * (noise - DEVIATION * noise), torch.full((20,), t).double(), noise)
        for t in (1.0, 0.7, 0.2, 0.0)
    ]
    for v in along:
        torch.testing.assert_close(v, (1 - DEVIATION) * noise)

    def field(x: Tensor, t: float | Tensor) -> Tensor:
        found: Tensor = lines(x, torch.full((len(x),), float(t)).double(), x)
        return found

    for steps in (1, 3):
        reached = integrate(field, noise, even(1.0, 0.0, steps), euler)
        torch.testing.assert_close(reached, DEVIATION * noise)


def test_training_reaches_the_straight_lines() -> None:
    found = trained(Lines(), SPEC, pool=GaussianPool())
    expected = torch.tensor([1 - DEVIATION, 0.0], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.005)


def test_only_the_pool_counts_and_only_its_ends() -> None:
    network = Lines(0.3, 0.1)
    assert loss_of(network, batch_seed=0).loss == loss_of(network, batch_seed=1).loss
    torch.testing.assert_close(loss_of(network, steps=2).loss, loss_of(network, steps=9).loss)


def test_labels_are_those_of_the_pool() -> None:
    told: list[Tensor | None] = []

    def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        told.append(label)
        return x

    loss_of(network)
    (label,) = told
    assert label is not None
    assert torch.equal(label, torch.arange(40))
    assert Reflow.wants_pool


def test_its_times_are_even() -> None:
    assert SPEC.times == specs.Times("uniform")
    assert SPEC.trajectories.spacing == "even"
