"""Shortcut: steps on the dyadic grid, and where they lead."""

import pytest
import torch
from gaussian_flow import LinearFlow, fitted, gaussian_batch, significance
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.objectives.base import Models, alone
from engine.objectives.shortcut import Shortcut, draw_steps

COARSE = specs.Shortcut(0.5, halvings=3, clip=0.0)


class EulerFlow(LinearFlow):
    """gain u of Euler's steps of length 1 / 8 with the exact velocity, u = k(t, s) x."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__(*LinearFlow.exact().weights.tolist())
        self.weights.requires_grad_(False)
        self.gain = nn.Parameter(torch.tensor([gain, gain], dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        reached, now = torch.ones_like(x), t
        for _ in range(8):
            step = torch.minimum(now - s, torch.full_like(s, 1 / 8))
            reached = reached - step[:, None] * super().forward(reached, now, now)
            now = now - step
        return self.gain.mean() * x * (1 - reached) / (t - s)[:, None]


class Told(nn.Module):
    """A network that notes how many rows it is asked for, and whether a gradient is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.network = LinearFlow(0.3, 0.2)
        self.calls: list[tuple[int, bool]] = []

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        self.calls.append((len(x), torch.is_grad_enabled()))
        return self.network(x, t, s)


class TestSteps:
    @pytest.mark.parametrize("halvings", [1, 3, 7, 12])
    def test_they_lie_on_the_dyadic_grid(self, halvings: int) -> None:
        t, s = draw_steps(halvings, 3000, 4000, Randomness(0))
        k = -torch.log2(t - s)
        place = t / (t - s)
        assert torch.equal(k, k.round())
        assert torch.equal(place, place.round())
        assert s.min() == 0
        assert t.max() == 1
        assert (k[:3000] < halvings).all()
        assert (k[3000:] == halvings).all()

    def test_every_length_and_every_place_comes_equally_often(self) -> None:
        t, s = draw_steps(4, 40_000, 40_000, Randomness(0))
        k = -torch.log2(t - s)
        for halvings in range(4):
            chosen = t[k == halvings] * 2**halvings
            assert len(chosen) == pytest.approx(10_000, rel=0.05)
            counts = torch.bincount(chosen.long() - 1, minlength=2**halvings)
            assert counts.min().item() == pytest.approx(10_000 / 2**halvings, rel=0.1)


class TestShortcut:
    def test_the_target_is_the_papers_on_its_own_clock(self) -> None:
        """Time from noise to data, its velocity data - noise, and the step d (equations 4, 5)."""
        network, jumps = LinearFlow(0.3, 0.2), 20
        spec = specs.Shortcut(1.0, clip=0.0)
        found = Shortcut(spec, (1,))(alone(network), gaussian_batch(jumps), Randomness(0), 0.0)
        randomness = Randomness(0)
        t, s = draw_steps(7, jumps, jumps, randomness)
        noise = randomness.normal("noise", (jumps, 1)).double()
        own, d = 1 - t.double(), (t - s).double()

        def shortcut(x: Tensor, time: Tensor, step: Tensor) -> Tensor:
            return -network(x, 1 - time, 1 - time - step)

        x = (1 - own)[:, None] * noise + own[:, None] * gaussian_batch(jumps).data
        first = shortcut(x, own, d / 2)
        second = shortcut(x + (d / 2)[:, None] * first, own + d / 2, d / 2)
        error = (shortcut(x, own, d) - (first + second) / 2).square().mean(1)
        torch.testing.assert_close(found.parts["error"], error.detach())
        torch.testing.assert_close(found.parts["step_size"].double(), d)

    def test_its_fixed_point_is_euler_with_the_smallest_steps(self) -> None:
        objective = Shortcut(COARSE, (1,))
        found = objective(alone(EulerFlow()), gaussian_batch(500), Randomness(0), 0.0)
        assert found.parts["error_jump"].max() < 1e-28

        def slope(network: EulerFlow) -> float:
            loss = [
                objective(alone(network), gaussian_batch(4000, k), Randomness(k), 0.0).loss
                for k in range(30)
            ]
            each = torch.stack([torch.autograd.grad(one, network.gain)[0].sum() for one in loss])
            return (each.mean().abs() / each.std() * len(each) ** 0.5).item()

        assert slope(EulerFlow()) < 3
        assert slope(EulerFlow(0.9)) > 10
        assert significance(COARSE, LinearFlow.exact()).max() > 10

    def test_training_with_small_steps_comes_near_the_closed_form(self) -> None:
        weights = fitted(specs.Shortcut(0.5, decay=0.9, clip=0.0)).weights
        torch.testing.assert_close(weights, LinearFlow.exact().weights, rtol=0, atol=0.05)

    def test_the_moving_average_makes_the_targets(self) -> None:
        student, target = Told(), Told()
        objective = Shortcut(specs.Shortcut(), (1,))
        loss = objective(Models(student, target), gaussian_batch(64), Randomness(0), 0.0).loss
        loss.backward()
        assert student.calls == [(64, True)]
        assert target.calls == [(8, False), (8, False)]
        assert target.network.weights.grad is None
        assert objective.target_decay(0.5) == 0.999
        assert Shortcut(specs.Shortcut(decay=0.0), (1,)).target_decay(0.5) is None

    def test_the_clip_bounds_states_and_targets(self) -> None:
        batch = Batch(50 * gaussian_batch(40).data, None)
        network = LinearFlow.exact()
        free, bounded = (
            Shortcut(specs.Shortcut(1.0, clip=clip), (1,))(
                alone(network), batch, Randomness(0), 0.0
            ).loss
            for clip in (0.0, 4.0)
        )
        assert free < 1e-25
        assert bounded > 1
