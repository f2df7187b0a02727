"""The consistency objectives: what they ask, what they regress on, where gradients flow."""

import math

import pytest
import torch
from gaussian_flow import LinearFlow, gaussian_batch
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import time_of
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives import pairs
from engine.objectives.base import Models, alone
from engine.objectives.consistency import Consistency, endpoint
from engine.objectives.times import draw

METHODS: dict[str, specs.ConsistencyMethod] = {
    "cd": specs.CD(decay=0.9),
    "ct": specs.CT(),
    "ict": specs.ICT(),
    "ecm": specs.ECM(),
}
ALL = pytest.mark.parametrize("name", METHODS)


class Given(Randomness):
    """Draws that are known beforehand."""

    def __init__(self, noise: Tensor, times: Tensor) -> None:
        super().__init__(0)
        self.draws = {"noise": noise, "times": times}

    def normal(self, name: str, shape: object) -> Tensor:
        return self.draws[name]

    def uniform(self, name: str, shape: object) -> Tensor:
        return self.draws[name]


def taught_by_itself(network: nn.Module, target: nn.Module | None = None) -> Models:
    return Models(network, target or network, lambda x, t, label: network(x, t, t, label))


def test_the_loss_of_easy_tuning_is_the_papers_own() -> None:
    """In VE: |D(x_t, t) - D(x_r, r)| / (t - r), D(x_0, 0) = x_0, one noise for both."""
    network, batch = LinearFlow(0.3, 0.2), gaussian_batch(64)
    noise, times = torch.randn(64, 1).double(), torch.randn(64).double()
    found = Consistency(specs.ECM(), (1,))(alone(network), batch, Given(noise, times), 0.3)
    sigma = torch.exp(-1.1 + 2 * times)
    below = sigma * (1 - (1 + 8 * torch.sigmoid(-sigma)) / 2**3).clamp(min=0)

    def denoised(sigma: Tensor) -> Tensor:
        x, t = batch.data + sigma[:, None] * noise, sigma / (1 + sigma)
        return endpoint(network, x / (1 + sigma[:, None]), t)

    apart = (denoised(sigma) - denoised(below)).abs().squeeze(1)
    torch.testing.assert_close(found.loss, (apart / (sigma - below)).mean())
    torch.testing.assert_close(found.parts["error"], apart.detach() ** 2)


def test_the_loss_of_improved_training_is_the_papers_own() -> None:
    """lambda = 1 / (sigma_i+1 - sigma_i), Pseudo-Huber, f(x, 0.002) = x."""
    network, batch, spec = LinearFlow(0.3, 0.2), gaussian_batch(64), specs.ICT(first=4, last=4)
    noise, index = torch.randn(64, 1).double(), torch.arange(64) % 4
    sigmas = pairs.karras(specs.Grid(), 5)
    shares = pairs.probabilities(spec, sigmas)
    randomness = Given(noise, (shares.cumsum(0) - shares / 2)[index])
    found = Consistency(spec, (1,))(alone(network), batch, randomness, 0.0)

    def answer(sigma: Tensor) -> Tensor:
        x, t = batch.data + sigma[:, None] * noise, sigma / (1 + sigma)
        moved = endpoint(network, x / (1 + sigma[:, None]), t)
        return torch.where(sigma[:, None] > 0.002 + 1e-12, moved, x)

    square = (answer(sigmas[index + 1]) - answer(sigmas[index])).square().squeeze(1)
    huber = (square + 0.00054**2).sqrt() - 0.00054
    torch.testing.assert_close(found.loss, (huber / sigmas.diff()[index]).mean())


@ALL
def test_the_gradient_flows_through_the_later_answer_alone(name: str) -> None:
    """The gradient is that of the loss against constants, which the target's weights made."""
    student, target, batch = LinearFlow(0.3, 0.2), LinearFlow(-0.1, 0.5), gaussian_batch(200)
    mentor = LinearFlow.exact()
    models = Models(student, target, lambda x, t, label: mentor(x, t, t, label))
    found = Consistency(METHODS[name], (1,))(models, batch, Randomness(0), 0.6)
    found.loss.backward()
    assert student.weights.grad is not None
    assert student.weights.grad.abs().min() > 0
    assert target.weights.grad is None
    assert mentor.weights.grad is None
    again = Consistency(METHODS[name], (1,))(
        models._replace(target=student), batch, Randomness(0), 0.6
    )
    assert again.loss != found.loss
    assert not any(part.requires_grad for part in found.parts.values())


@ALL
def test_the_network_is_asked_at_the_trained_times_alone(name: str) -> None:
    """u(x, t, t) at both times; the later is never the lowest, the earlier never the highest."""
    spec, asked = METHODS[name], []

    def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        asked.append((t, s, torch.is_grad_enabled()))
        return 0 * x

    models = Models(network, network, lambda x, t, label: 0 * x)
    Consistency(spec, (1,))(models, gaussian_batch(2000), Randomness(0), 0.5)
    (later, slot, graded), (earlier, other, free) = asked
    assert torch.equal(later, slot)
    assert torch.equal(earlier, other)
    assert (graded, free) == (True, False)
    assert (earlier < later).all()
    if not isinstance(spec, specs.ECM):
        times = time_of(pairs.karras(specs.Grid(), pairs.points(spec, 0.5)))
        assert torch.isin(later, times[1:]).all()
        assert torch.isin(earlier, times[:-1]).all()


@ALL
def test_at_the_lowest_time_the_answer_is_known(name: str) -> None:
    """Whatever the network says there: the VE state itself, which is the data at s = 0."""
    lowest, batch = 0 if name == "ecm" else 0.002 / 1.002 + 1e-9, gaussian_batch(2000)

    def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        return torch.where(t[:, None] > lowest, x, torch.nan)

    models = Models(network, network, lambda x, t, label: 0 * x)
    found = Consistency(METHODS[name], (1,))(models, batch, Randomness(0), 0.0)
    assert found.loss.isfinite()


@pytest.mark.parametrize("name", ["ict", "ecm"])
def test_a_first_stage_of_one_pair_regresses_on_the_data(name: str) -> None:
    """All answers are known: the target is the data, or the VE state at the lowest sigma."""
    spec = {"ict": specs.ICT(first=1, last=1), "ecm": specs.ECM(factor=1.1, stages=1)}[name]
    batch, noise = gaussian_batch(50), torch.randn(50, 1).double()
    found = Consistency(spec, (1,))(
        Models(lambda x, t, s, label: 0 * x, LinearFlow()), batch, Given(noise, noise[:, 0]), 0.0
    )
    lowest = 0.002 if name == "ict" else 0.0
    sigma = torch.full((50,), 80.0) if name == "ict" else torch.exp(-1.1 + 2 * noise[:, 0])
    x_t = (batch.data + sigma[:, None] * noise) / (1 + sigma[:, None])
    wanted = (x_t - batch.data - lowest * noise).square().squeeze(1)
    if name == "ecm":
        below = (1 + 8 * torch.sigmoid(-sigma)) / 1.1 >= 1
        found.parts["error"], wanted = found.parts["error"][below], wanted[below]
        assert below.sum() > 40
    torch.testing.assert_close(found.parts["error"], wanted)


@ALL
def test_both_answers_drop_the_same_units(name: str) -> None:
    kept: list[Tensor] = []

    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            kept.append(self.drop(torch.ones_like(x)))
            return kept[-1] * x

    network, randomness = Dropping(), Randomness(0)
    models = Models(network, network, lambda x, t, label: 0 * x)
    for _ in range(2):
        batch = Batch(torch.randn(8, 3, 4, 4), None)
        Consistency(METHODS[name], (3, 4, 4))(models, batch, randomness, 0.5)
    assert torch.equal(kept[0], kept[1])
    assert torch.equal(kept[2], kept[3])
    assert not torch.equal(kept[0], kept[2])


@ALL
def test_labels_reach_every_network(name: str) -> None:
    seen, label = [], torch.arange(6)

    def network(x: Tensor, t: Tensor, s: Tensor, given: Tensor | None) -> Tensor:
        seen.append(given)
        return 0 * x

    models = Models(network, network, lambda x, t, given: network(x, t, t, given))
    Consistency(METHODS[name], (1,))(
        models, gaussian_batch(6)._replace(label=label), Randomness(0), 0.0
    )
    assert len(seen) == (4 if name == "cd" else 2)  # Heun asks the teacher twice
    assert all(given is not None and torch.equal(given, label) for given in seen)


@ALL
def test_the_same_randomness_gives_the_same_loss(name: str) -> None:
    network, batch = LinearFlow(0.3, 0.2), gaussian_batch(40)
    first, second, other = (
        Consistency(METHODS[name], (1,))(
            taught_by_itself(network), batch, Randomness(seed), 0.5
        ).loss
        for seed in (7, 7, 8)
    )
    assert first == second != other


@ALL
def test_two_halves_make_the_gradient_of_the_whole(name: str) -> None:
    network, batch = LinearFlow(0.3, 0.2), gaussian_batch(64)
    noise, times = torch.randn(64, 1).double(), draw(specs.Times("uniform"), 64, Randomness(0))

    def gradient(rows: slice) -> Tensor:
        part = Batch(batch.data[rows], None)
        found = Consistency(METHODS[name], (1,))(
            taught_by_itself(network), part, Given(noise[rows], times[rows]), 0.4
        )
        return torch.autograd.grad(found.loss, network.weights)[0]

    halves = gradient(slice(0, 32)) + gradient(slice(32, 64))
    torch.testing.assert_close(halves / 2, gradient(slice(None)))


@ALL
@pytest.mark.parametrize("parameterisation", [specs.Plain(), specs.Preconditioned()])
def test_bfloat16_is_near_float32(name: str, parameterisation: specs.Parameterisation) -> None:
    torch.manual_seed(0)
    spec = specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,))
    network = build_network(spec, (3, 8, 8), 2, parameterisation)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    batch = Batch(torch.randn(16, 3, 8, 8), torch.randint(3, (16,)))
    objective, models = Consistency(METHODS[name], (3, 8, 8)), taught_by_itself(network)
    wide = objective(models, batch, Randomness(0), 0.2)
    with torch.autocast("cpu", torch.bfloat16):
        narrow = objective(models, batch, Randomness(0), 0.2)
    narrow.loss.backward()
    # The answers nearly agree, so that their difference is less exact than each of them.
    assert narrow.loss.dtype == narrow.parts["error"].dtype == torch.float32
    assert narrow.loss.item() == pytest.approx(wide.loss.item(), rel=0.1)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_parts() -> None:
    """`error` for each sample, numbers of the schedule once."""
    numbers = {}
    for name, spec in METHODS.items():
        models = taught_by_itself(LinearFlow.exact())
        parts = Consistency(spec, (1,))(models, gaussian_batch(8), Randomness(0), 0.5).parts
        assert parts.pop("error").shape == (8,)
        assert all(part.shape == (1,) for part in parts.values())
        numbers[name] = {key: round(part.item(), 6) for key, part in parts.items()}
    assert numbers == {
        "cd": {"steps_of_grid": 18, "decay": 0.9},
        "ct": {"steps_of_grid": 107, "decay": round(math.exp(2 * math.log(0.9) / 107), 6)},
        "ict": {"steps_of_grid": 161, "stage": 4},
        "ecm": {"stage": 4},
    }


def test_decay_of_the_target() -> None:
    def decay(spec: specs.ConsistencyMethod) -> float | None:
        return Consistency(spec, (1,)).target_decay(0.0)

    assert decay(specs.CD(decay=0.95)) == 0.95
    assert decay(specs.CD(decay=0.0)) is None
    assert decay(specs.CT()) == pytest.approx(0.9)
    assert decay(specs.ICT()) is None
    assert decay(specs.ECM()) is None
