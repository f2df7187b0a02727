"""iMF as the paper has it: an auxiliary velocity head, and guidance that the network is told."""

import math

import pytest
import torch
from gaussian_flow import DEVIATION, LinearFlow, gaussian_batch, variance
from msgspec.structs import replace
from torch import Tensor, nn

from engine.contract import specs
from engine.contract.methods.differential import guidance_problems
from engine.data.batch import Batch
from engine.flow.guidance import carrying, parted
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Models, alone
from engine.objectives.derivative import total_derivative
from engine.objectives.guidance import draw_guidance, power_law
from engine.objectives.improved_mean_flow import ImprovedMeanFlow
from engine.objectives.mean_flow import target
from engine.objectives.rows import Rows, mixed

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

HIDDEN = 3
MEANS = torch.tensor([-1.0, 0.5, 1.0, 0.2], dtype=torch.float64)  # of the classes and of all
PLAIN = specs.ImprovedMeanFlow(0.5, 0.0, times=specs.Times("uniform"))
CHOSEN = replace(PLAIN, guidance="chosen")
heads = pytest.mark.parametrize("head", ["auxiliary", "boundary"])


class Pair(nn.Module):
    """u with two weights, and a velocity head with two of its own."""

    def __init__(self, u: LinearFlow, v: LinearFlow) -> None:
        super().__init__()
        self.u, self.v = u, v

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        found: Tensor = self.u(x, t, s)
        return found

    def heads(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        return torch.stack((self.u(x, t, s), self.v(x, t, t)), dim=1)


class Guided(nn.Module):
    """The guided flow of N(mean of the label, deviation^2), of any strength and interval.

    Guided with omega, the mean of a class is `mean + (omega - 1) pull`; in the exact flow `pull` is
    how far it is from the hidden class's mean. With the mean m(t), r = x / sqrt(S_t) moves by
    dr = m(t) dg, g = (1 - t) / sqrt(S_t).
    """

    def __init__(self, mean: Tensor = MEANS, pull: Tensor = MEANS - MEANS[HIDDEN]) -> None:
        super().__init__()
        self.mean, self.pull = nn.Parameter(mean.clone()), nn.Parameter(pull.clone())
        self.calls: list[tuple[Tensor | None, Tensor, Tensor]] = []  # label, t, s

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        self.calls.append((label, t, s))
        mean, guided, start, end = self.means(label, t)

        def g(time: Tensor) -> Tensor:
            return (1 - time) / variance(time).sqrt()

        within = g(t.clamp(start, end)) - g(s.clamp(start, end))
        moved = mean * (g(t) - g(s)) + (guided - mean) * within
        x_s = variance(s).sqrt()[:, None] * (x / variance(t).sqrt()[:, None] - moved[:, None])
        gap = (t - s)[:, None]
        return torch.where(gap == 0, self.v(x, t, label), (x - x_s) / (gap + (gap == 0)))

    def heads(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        return torch.stack((self(x, t, s, label), self.v(x, t, label)), dim=1)

    def v(self, x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
        mean, guided, start, end = self.means(label, t)
        return velocity(x, t, torch.where((t >= start) & (t <= end), guided, mean))

    def means(self, label: Tensor | None, t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The mean of each row's class, the guided one, and from when to when it is guided."""
        known, (omega, start, end) = parted(label, t)
        known = torch.full_like(t, HIDDEN).long() if known is None else known
        return self.mean[known], self.mean[known] + (omega - 1) * self.pull[known], start, end


def velocity(x: Tensor, t: Tensor, mean: Tensor) -> Tensor:
    """That of N(mean, deviation^2)."""
    slope = (t - (1 - t) * DEVIATION**2) / variance(t)
    return slope[:, None] * (x - ((1 - t) * mean)[:, None]) - mean[:, None]


def labelled(count: int) -> Batch:
    """Of every class, and some whose class is hidden."""
    label = torch.arange(count) % (HIDDEN + 1)
    return Batch(gaussian_batch(count).data + MEANS[label][:, None], label)


def expected_rows(batch: Batch, jumps: int) -> Rows:
    """Rows that regress on the mean velocity instead of on that of single samples."""
    noise = torch.randn(batch.data.shape, dtype=torch.float64)
    t = torch.linspace(0.02, 0.99, len(noise), dtype=torch.float64)
    t = t[torch.randperm(len(t))]
    s = torch.cat((t[:jumps] * torch.rand(jumps, dtype=torch.float64), t[jumps:]))
    rows = mixed(batch, noise, t, s)
    mean = torch.zeros_like(t) if batch.label is None else MEANS[batch.label]
    return rows._replace(v=velocity(rows.x_t, t, mean))


def residual(spec: specs.ImprovedMeanFlow, network: nn.Module, rows: Rows, jumps: int) -> Tensor:
    """V - v of every row, of u; then of the velocity head, where there is one."""
    objective, models = ImprovedMeanFlow(spec, (1,)), alone(network)._replace(hidden=HIDDEN)
    guidance = draw_guidance(spec, rows, jumps, Randomness(0))
    v, along = objective.field(models, rows, guidance, jumps, lambda: None)
    asked = objective.told(rows, guidance)
    x_t, t, s, _, label = asked.between(0, jumps)
    du = total_derivative(network, x_t, t, s, along, label)
    found = objective.answers(network, asked, jumps)
    wanted = [target(v, rows.t, rows.s, du), v][: found.shape[1]]
    return found - torch.stack(wanted, 1)


class TestTheVelocityHead:
    @heads
    def test_the_exact_map_leaves_nothing(self, head: str) -> None:
        spec, rows = replace(PLAIN, velocity_head=head), expected_rows(gaussian_batch(60), 40)
        exact, other = (Pair(flow, flow) for flow in (LinearFlow.exact(), LinearFlow(0.3, 0.2)))
        left = residual(spec, exact, rows, 40)
        assert left.shape[1] == (2 if head == "auxiliary" else 1)
        assert left.abs().max() < 1e-13
        assert residual(spec, other, rows, 40).abs().flatten(1).amin(dim=1).max() > 0.1

    def test_both_losses_are_the_papers(self) -> None:
        """With the tangent along the head and no gradient through it, by reverse mode."""
        network = Pair(LinearFlow(0.3, 0.2), LinearFlow(-0.1, 0.9))
        batch, randomness = gaussian_batch(40), Randomness(3)
        found = ImprovedMeanFlow(PLAIN, (1,))(alone(network), batch, Randomness(3), 0.0)
        noise = randomness.normal("noise", (40, 1)).double()
        t, s, _ = times.draw_pair(PLAIN.times, 0.5, 40, randomness)
        t, s = t.double(), s.double()
        x_t = (1 - t[:, None]) * batch.data + t[:, None] * noise
        _, du = torch.autograd.functional.jvp(
            lambda x, t: network(x, t, s), (x_t, t), (network.v(x_t, t, t).detach(), torch.ones(40))
        )
        compound = network(x_t, t, s) + (t - s)[:, None] * du.detach()
        errors = [(each - (noise - batch.data)) ** 2 for each in (compound, network.v(x_t, t, t))]
        loss = sum(each.mean() for each in errors)
        torch.testing.assert_close(found.loss, loss)
        torch.testing.assert_close(found.parts["error"], errors[0][:, 0].detach())
        torch.testing.assert_close(found.parts["error_velocity"], errors[1][:, 0].detach())
        weights = list(network.parameters())
        torch.testing.assert_close(
            *(torch.autograd.grad(each, weights) for each in (found.loss, loss))
        )

    def test_each_loss_reaches_its_own_head_alone(self) -> None:
        """The head as the direction of the derivative, and du/dt itself, carry no gradient."""
        network, batch = Pair(LinearFlow(0.3, 0.2), LinearFlow(-0.1, 0.9)), gaussian_batch(40)

        def gradient(weights: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
            found = []
            for step in (0.0, 0.5):
                with torch.no_grad():
                    changed.add_(step)
                loss = ImprovedMeanFlow(PLAIN, (1,))(alone(network), batch, Randomness(0), 0.0).loss
                found.append(torch.autograd.grad(loss, weights)[0])
            with torch.no_grad():
                changed.sub_(0.5)
            return found[0], found[1]

        u, v = network.u.weights, network.v.weights
        before, after = gradient(v, u)  # the head learns the same, whatever u is
        torch.testing.assert_close(before, after)
        assert before.abs().min() > 0
        before, after = gradient(u, v)  # u learns along the head
        assert (before - after).abs().min() > 1e-3

    def test_each_loss_has_a_weight_of_its_own(self) -> None:
        network = Pair(LinearFlow(0.3, 0.2), LinearFlow(-0.1, 0.9))
        spec = replace(PLAIN, adaptive_power=0.7, adaptive_offset=0.05)
        found = ImprovedMeanFlow(spec, (1,))(alone(network), gaussian_batch(40), Randomness(0), 0.0)
        errors = found.parts["error"], found.parts["error_velocity"]
        wanted = sum((error / (error + 0.05) ** 0.7).mean() for error in errors)
        torch.testing.assert_close(found.loss.detach(), wanted)

    def test_training_reaches_the_closed_form(self) -> None:
        network, objective = Pair(LinearFlow(), LinearFlow()), ImprovedMeanFlow(PLAIN, (1,))
        adam, randomness, steps = torch.optim.Adam(network.parameters()), Randomness(0), 220
        for step in range(steps):
            adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * step / steps))
            adam.zero_grad()
            batch = gaussian_batch(1024, step)
            objective(alone(network), batch, randomness, step / steps).loss.backward()
            adam.step()
        for found in (network.u.weights, network.v.weights):
            torch.testing.assert_close(found, LinearFlow.exact().weights, rtol=0, atol=0.02)

    def test_all_passes_drop_the_same_units(self) -> None:
        kept: list[Tensor] = []

        class Dropping(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.drop = nn.Dropout(0.5)

            def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
                kept.append(self.drop(torch.ones_like(x)))
                return kept[-1] * x

            def heads(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
                found = self(x, t, s, label)
                return torch.stack((found, 2 * found), dim=1)

        batch = Batch(torch.randn(8, 30), torch.arange(8) % HIDDEN)
        models = alone(Dropping())._replace(hidden=HIDDEN)
        ImprovedMeanFlow(CHOSEN, (30,))(models, batch, Randomness(0), 0.0)
        jumps, rest, *others = kept[:7]
        assert len(kept) == 8  # the last is the row whose du/dt is told in its parts
        assert not torch.equal(jumps, rest)
        assert all(torch.equal(other, jumps) for other in others[::2])
        assert all(torch.equal(other, rest) for other in others[1::2])


class TestChosenGuidance:
    @heads
    @pytest.mark.parametrize("guidance", ["fixed", "chosen"])
    def test_the_exact_guided_flow_leaves_nothing(self, head: str, guidance: str) -> None:
        """Of every strength and interval; where it is fixed the network is told nothing."""
        network, batch = Guided(), labelled(400)
        spec = replace(CHOSEN, velocity_head=head, guidance=guidance, omega=1.0)
        left = residual(spec, network, expected_rows(batch, 200), 200)
        assert left.abs().max() < 1e-10
        if guidance == "chosen":
            wrong = replace(spec, guidance="fixed", omega=2.0)
            assert residual(wrong, network, expected_rows(batch, 200), 200).abs().max() > 0.1

    def test_what_the_network_is_told(self) -> None:
        """Each row's guidance; of its velocity the omega that holds at t, at all times."""
        network, batch = Guided(), labelled(80)
        objective = ImprovedMeanFlow(replace(CHOSEN, velocity_head="boundary"), (1,))
        objective(alone(network)._replace(hidden=HIDDEN), batch, Randomness(5), 0.0)
        randomness = Randomness(5)
        randomness.normal("noise", (80, 1))
        t, s, _ = (
            part.double() if isinstance(part, Tensor) else part
            for part in times.draw_pair(CHOSEN.times, 0.5, 80, randomness)
        )
        rows = Rows(batch.data, t, s, batch.data, batch.label)
        guidance = draw_guidance(CHOSEN, rows, 40, randomness)
        assert guidance is not None
        assert batch.label is not None
        asked, own, hidden, moved = network.calls
        assert torch.equal(asked[0], carrying(batch.label, guidance))
        assert torch.equal(moved[0][:40], asked[0][:40])
        omega, start, end = guidance.T
        held = (t >= start) & (t <= end) & (batch.label != HIDDEN)
        assert 0 < held[:40].sum() < (batch.label[:40] != HIDDEN).sum()
        wanted = torch.stack((torch.where(held, omega, 1.0), 0 * omega, 0 * omega + 1), dim=1)
        assert torch.equal(own[0], carrying(batch.label, wanted))
        assert hidden[0] is None
        assert all(torch.equal(call[1], call[2]) for call in (own, hidden))

    @heads
    def test_with_a_strength_of_one_it_is_not_guided(self, head: str) -> None:
        """Which is the largest that is drawn here."""
        network, batch = Guided(), labelled(40)
        models = alone(network)._replace(hidden=HIDDEN)
        rows = expected_rows(batch, 20)
        one, none = (
            ImprovedMeanFlow(replace(spec, velocity_head=head), (1,))
            for spec in (replace(CHOSEN, omega_most=1.0), PLAIN)
        )
        guidance = draw_guidance(one.spec, rows, 20, Randomness(0))
        found = one.field(models, rows, guidance, 20, lambda: None)
        wanted = none.field(models, rows, None, 20, lambda: None)
        assert torch.equal(found.v, rows.v)
        torch.testing.assert_close(found, wanted)

    @heads
    def test_training_reaches_every_strength(self, head: str) -> None:
        """The mean of a class, and how far it moves with omega: both are to be found."""
        spec = replace(CHOSEN, velocity_head=head, omega_most=4.0)
        nothing = torch.zeros_like(MEANS)
        network, objective = Guided(nothing, nothing), ImprovedMeanFlow(spec, (1,))
        adam, randomness, steps = torch.optim.Adam(network.parameters()), Randomness(0), 300
        for step in range(steps):
            adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * step / steps))
            label = torch.arange(1024) % (HIDDEN + 1)
            batch = Batch(gaussian_batch(1024, step).data + MEANS[label][:, None], label)
            models = Models(network, network, hidden=HIDDEN)
            adam.zero_grad()
            objective(models, batch, randomness, step / steps).loss.backward()
            adam.step()
        torch.testing.assert_close(network.mean.data, MEANS, rtol=0, atol=0.06)
        torch.testing.assert_close(network.pull.data, MEANS - MEANS[HIDDEN], rtol=0, atol=0.06)

    def test_without_labels_there_is_none(self) -> None:
        network, data = Pair(LinearFlow(0.3, 0.2), LinearFlow()), gaussian_batch(20)
        found = [
            ImprovedMeanFlow(spec, (1,))(alone(network), data, Randomness(0), 0.0).loss
            for spec in (PLAIN, CHOSEN, replace(PLAIN, omega=3.0))
        ]
        assert found[0] == found[1] == found[2]

    def test_a_problem_is_named(self) -> None:
        assert guidance_problems(CHOSEN, True) == []
        (found,) = guidance_problems(CHOSEN, False)
        assert found[0] == "method.guidance"
        (found,) = guidance_problems(replace(CHOSEN, omega=9.0), True)
        assert found == ("method.omega", "Guidance omega must not be above Largest omega.")


class TestTheLawOfGuidance:
    @pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
    def test_strengths_follow_the_power(self, power: float) -> None:
        """The share below each is the integral of omega^-power up to it."""
        place = torch.linspace(0, 1, 101, dtype=torch.float64)
        omega = power_law(place, 8.0, power)
        assert (omega[0], omega[-1]) == (1.0, pytest.approx(8.0))
        middles = 1 + 7 * (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
        density = middles**-power / (middles**-power).sum()
        below = torch.cat((torch.zeros(1, dtype=torch.float64), density.cumsum(0)))
        found = below[((omega - 1) / 7 * 200_000).round().long()]
        torch.testing.assert_close(found, place, rtol=0, atol=1e-4)

    def test_intervals_reach_over_the_middle_and_velocities_are_guided_always(self) -> None:
        count, jumps = 40_000, 30_000
        t = torch.zeros(count, dtype=torch.float64)
        rows = Rows(t[:, None], t, t, t[:, None], torch.zeros(count, dtype=torch.long))
        found = draw_guidance(CHOSEN, rows, jumps, Randomness(0))
        assert found is not None
        omega, start, end = found.T
        assert omega.log().mean() == pytest.approx(math.log(8) / 2, abs=0.01)
        assert (start[:jumps].min() >= 0) & (start[:jumps].max() < 0.5)
        assert (end[:jumps].min() >= 0.5) & (end[:jumps].max() < 1)
        for each, mean in ((start, 0.25), (end, 0.75)):
            assert each[:jumps].mean() == pytest.approx(mean, abs=0.005)
            assert each[:jumps].var() == pytest.approx(1 / 48, abs=0.001)
        assert torch.corrcoef(found[:jumps].T).sub(torch.eye(3)).abs().max() < 0.02
        assert (start[jumps:] == 0).all()
        assert (end[jumps:] == 1).all()
        assert omega[jumps:].log().mean() == pytest.approx(math.log(8) / 2, abs=0.03)
