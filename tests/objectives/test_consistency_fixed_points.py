"""Where consistency models end on 1-D Gaussian data: closed forms, and training that finds them.

There every f is a slope times x. Regressing on a slope times x_s multiplies the slope by
E[x_s x_t] / E[x_t^2]; with data and noise as the two axes of a plane, these are inner products.
"""

import math

import pytest
import torch
from gaussian_flow import DEVIATION, LinearFlow, fitted, gaussian_batch, variance
from torch import Tensor, nn

from engine.contract import specs
from engine.flow.clock import sigma_of, time_of
from engine.flow.paths import VE
from engine.flow.randomness import Randomness
from engine.objectives import pairs
from engine.objectives.base import Models, alone
from engine.objectives.consistency import Consistency, between, taught

FLOOR = 1e-4  # sigma below which f is the VE state, up to 1e-7: later stages of ECM never come to 0


def teacher(x: Tensor, t: Tensor, label: Tensor | None = None) -> Tensor:
    """The exact velocity."""
    return LinearFlow.exact()(x, t, t).detach()


def axes(t: Tensor) -> tuple[Tensor, Tensor]:
    """Data and noise as vectors of a plane, (B, 2) each."""
    data = torch.tensor([[DEVIATION, 0.0]], dtype=torch.float64).expand(len(t), 2)
    return data, torch.tensor([[0.0, 1.0]], dtype=torch.float64).expand(len(t), 2)


def factors(spec: specs.ConsistencyMethod, t: Tensor, s: Tensor) -> Tensor:
    """By how much one pair of times multiplies the slope."""
    x_t, x_s = (between(*axes(t), time) for time in (t, s))
    if isinstance(spec, specs.CD):
        x_s = taught(teacher, spec.solver, x_t, t, s)
    return (x_s * x_t).sum(1) / x_t.square().sum(1)


def slopes(spec: pairs.GridMethod, progress: float = 0.0) -> tuple[Tensor, Tensor]:
    """The times of the grid and f / x at them, from the real pairs and fields."""
    count = pairs.points(spec, progress)
    shares = pairs.probabilities(spec, pairs.karras(spec.grid, count))
    t, s, _, known = pairs.neighbours(spec, shares.cumsum(0) - shares / 2, progress)
    assert known.tolist() == [True] + [False] * (count - 2)
    chain = torch.cat((1 / (1 - s[:1]), factors(spec, t, s)))
    return torch.cat((s[:1], t)), chain.cumprod(0)


def one_step(t: Tensor, slope: Tensor) -> float:
    """Standard deviation of what is generated in one step, as a share of the data's."""
    return (slope * variance(t).sqrt() / DEVIATION).item()


def mapped_slope(spec: specs.ECM, sigma: Tensor, progress: float) -> tuple[Tensor, int]:
    """f / x of the continuous law, and the most pairs that lie between a time and the data."""
    chain = [sigma]
    while (chain[-1] > FLOOR).any():
        chain.append(sigma_of(pairs.mapped(spec, chain[-1], progress).s))
    times = time_of(torch.stack(chain))
    steps = factors(spec, times[:-1].flatten(), times[1:].flatten())  # 1 where a chain has ended
    # The chain ends with the VE state.
    return (1 + chain[-1]) * steps.reshape(len(times) - 1, -1).prod(0), len(chain) - 1


@pytest.mark.parametrize(
    ("count", "share"),
    [(2, 0.010), (11, 0.753), (18, 0.846), (40, 0.930), (160, 0.982), (1280, 0.998)],
)
def test_training_and_euler_distillation_have_one_fixed_point(count: int, share: float) -> None:
    """The product of (S + sigma_i sigma_i+1) / (S + sigma_i+1^2), S the variance of the data."""
    euler = slopes(specs.CD(solver="euler", points=count))
    training = slopes(specs.ICT(first=count - 1, last=count - 1))
    sigmas = pairs.karras(specs.Grid(), count)
    power = DEVIATION**2
    product = ((power + sigmas[1:] * sigmas[:-1]) / (power + sigmas[1:] ** 2)).prod()
    wanted = (product * (power + sigmas[-1] ** 2).sqrt() / DEVIATION).item()
    for times, slope in (euler, training):
        assert one_step(times[-1], slope[-1]) == pytest.approx(wanted, rel=1e-9)
    assert wanted == pytest.approx(share, abs=6e-4)


@pytest.mark.parametrize(("count", "share"), [(18, 1.055), (40, 1.010), (160, 1.0006)])
def test_the_fixed_point_of_heun_distillation(count: int, share: float) -> None:
    """Heun's step in VE, dx/dsigma = sigma x / (S + sigma^2), and not in another clock."""
    times, slope = slopes(specs.CD(points=count))
    sigmas = pairs.karras(specs.Grid(), count)
    rate = sigmas / (DEVIATION**2 + sigmas**2)
    h = -sigmas.diff()
    steps = 1 + h / 2 * (rate[1:] + rate[:-1] * (1 + h * rate[1:]))
    wanted = (steps.prod() * (DEVIATION**2 + sigmas[-1] ** 2).sqrt() / DEVIATION).item()
    assert one_step(times[-1], slope[-1]) == pytest.approx(wanted, rel=1e-9)
    assert wanted == pytest.approx(share, abs=6e-4)


@pytest.mark.parametrize(
    ("stage", "count", "share"), [(0, 7, 0.597), (3, 85, 0.936), (7, 1444, 0.9963)]
)
def test_the_fixed_point_of_easy_tuning(stage: int, count: int, share: float) -> None:
    """The product of (S + t r) / (S + t^2) along t, r(t), r(r(t)), ..., from 80 down."""
    start = torch.tensor([80.0], dtype=torch.float64)
    slope, pairs_between = mapped_slope(specs.ECM(), start, stage / 8)
    sigma, product = 80.0, 1.0
    while sigma > FLOOR:
        shrunk = (1 + 8 / (1 + math.exp(sigma))) / 2 ** (stage + 1)
        below = sigma * max(0.0, 1 - shrunk)
        product *= (DEVIATION**2 + sigma * below) / (DEVIATION**2 + sigma**2)
        sigma = below
    wanted = product * math.sqrt(DEVIATION**2 + 80**2) / DEVIATION
    time = torch.tensor([80 / 81], dtype=torch.float64)
    assert one_step(time, slope) == pytest.approx(wanted, rel=1e-9)
    assert wanted == pytest.approx(share, abs=6e-4)
    assert pairs_between == count


def test_a_step_of_the_teacher_is_that_of_the_papers_own_clock() -> None:
    """In VE x moves by (sigma_s - sigma_t) (x - D) / sigma_t; Heun's averages two such slopes."""
    sigma_t, sigma_s = (torch.tensor(v, dtype=torch.float64) for v in ([80.0, 1, 0.3], [2, 0.4, 0]))
    t, s = sigma_t / (1 + sigma_t), sigma_s / (1 + sigma_s)
    x = torch.randn(3, 4, dtype=torch.float64)

    def slope(x: Tensor, sigma: Tensor) -> Tensor:
        denoised = x * (DEVIATION**2 / (DEVIATION**2 + sigma**2))[:, None]
        return (x - denoised) / sigma.clamp(min=1e-300)[:, None]

    gap = (sigma_s - sigma_t)[:, None]
    euler = x + gap * slope(x, sigma_t)
    heun = x + gap / 2 * (slope(x, sigma_t) + slope(euler, sigma_s))
    common = VE().to_common(x, sigma_t)[0]
    for solver, wanted in (("euler", euler), ("heun", heun)):
        found = taught(teacher, solver, common, t, s)
        torch.testing.assert_close(VE().from_common(found, s)[0], wanted)


class Slopes(nn.Module):
    """f = slope(t) x with a slope of its own at each time of a grid."""

    def __init__(self, times: Tensor, slope: Tensor) -> None:
        super().__init__()
        self.times, self.slope = times, nn.Parameter(slope.clone())

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        place = torch.searchsorted(self.times, t * (1 - 1e-9))
        return (1 - self.slope[place, None]) * x / t[:, None]


class Scaled(nn.Module):
    """f of the continuous law at one stage, times a weight."""

    def __init__(self, spec: specs.ECM, progress: float) -> None:
        super().__init__()
        self.spec, self.progress = spec, progress
        self.weight = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        slope = mapped_slope(self.spec, sigma_of(t), self.progress)[0]
        free = torch.where(t > 0, self.weight * slope, 1)
        return ((1 - free) / t.clamp(min=1e-300))[:, None] * x


@pytest.mark.parametrize(
    ("spec", "tolerance"),
    [
        (specs.CD(points=7), 2e-3),
        (specs.CD(points=7, solver="euler", weight="inverse-gap"), 2e-3),
        (specs.CT(first=6, last=6), 0.02),
        (specs.ICT(first=6, last=6), 0.02),
        (specs.ICT(first=6, last=6, distance="norm"), 0.02),
    ],
    ids=["heun", "euler", "ct", "ict", "norm"],
)
def test_training_reaches_the_fixed_point(spec: pairs.GridMethod, tolerance: float) -> None:
    """From slope 1 everywhere; all pairs are drawn alike often, so that all are seen."""
    progress, randomness, steps = 0.5, Randomness(0), 400
    times, wanted = slopes(spec, progress)
    network = Slopes(times, torch.ones_like(wanted))
    adam = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.0)
    objective = Consistency(spec, (1,))
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * step / steps))
        adam.zero_grad()
        models = Models(network, network, teacher)
        objective(models, gaussian_batch(512, step), randomness, progress).loss.backward()
        adam.step()
    # At the lowest time the answer is known, and the network is not asked.
    torch.testing.assert_close(network.slope[1:], wanted[1:], rtol=0, atol=tolerance)
    assert network.slope[0] == 1


@pytest.mark.parametrize("distance", ["squared", "norm"])
def test_the_mean_gradient_of_easy_tuning_is_zero_at_its_fixed_point(distance: str) -> None:
    spec = specs.ECM(mean=1.0, spread=1.0, distance=distance)

    def significance(stage: int) -> float:
        """Of the mean gradient at stage 2, where the network is the fixed point of `stage`."""
        network, objective = Scaled(spec, stage / 8), Consistency(spec, (1,))
        found = torch.stack(
            [
                torch.autograd.grad(
                    objective(alone(network), gaussian_batch(1000, k), Randomness(k), 2 / 8).loss,
                    network.weight,
                )[0]
                for k in range(20)
            ]
        )
        return (found.mean().abs() / (found.std() / math.sqrt(20))).item()

    assert significance(2) < 3
    assert significance(0) > 8


def test_easy_tuning_begins_as_diffusion() -> None:
    """While r(t) = 0 the minimiser is the denoiser, so u(x, t, t) is the exact velocity."""
    first = specs.ECM(stages=1, mean=-0.5, spread=0.5, distance="squared")
    found = fitted(first, steps=400).weights
    torch.testing.assert_close(found, LinearFlow.exact().weights, rtol=0, atol=0.03)
