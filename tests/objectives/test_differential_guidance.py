"""Guidance that is learned: none by default, else the papers' mixtures of velocities."""

import math

import pytest
import torch
from gaussian_flow import LinearFlow, Spy, gaussian_batch
from torch import Tensor, nn

from engine.contract import specs
from engine.contract.methods.differential import guidance_problems
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.objectives.base import alone
from engine.objectives.guidance import Guidance, guidance_of
from engine.objectives.registry import build_objective
from engine.objectives.rows import Rows

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

HIDDEN = 3
UNIFORM = specs.Times("uniform")


class Shifted(nn.Module):
    """u = slope x + shift of the label, linear in the label's shift."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))
        self.shift = nn.Parameter(torch.tensor([1.0, -2.0, 3.0, 0.3], dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        shift = self.shift[HIDDEN] if label is None else self.shift[label][:, None]
        return self.slope * x + shift


def rows(labels: bool = True) -> Rows:
    """Eight of them, two with a hidden label."""
    torch.manual_seed(0)
    x, v = torch.randn(2, 8, 1, dtype=torch.float64)
    t = torch.linspace(0.05, 0.95, 8, dtype=torch.float64)
    label = torch.tensor([0, 1, 2, HIDDEN, HIDDEN, 0, 1, 2])
    return Rows(x, t, t / 2, v, label if labels else None)


def test_it_is_the_mixture_in_the_interval_where_the_label_is_known() -> None:
    network, given = Shifted(), rows()
    assert given.label is not None
    omega, kappa = 0.4, 0.7
    guidance = Guidance(omega, kappa, 0.1, 0.8)
    found = guidance.velocity(network, given, HIDDEN, Randomness(0))
    told, untold = network.shift[given.label][:, None], network.shift[HIDDEN]
    mean = network.slope * given.x_t
    wanted = omega * given.v + kappa * (mean + told) + (1 - omega - kappa) * (mean + untold)
    inside = torch.tensor([0, 1, 1, 0, 0, 1, 0, 0], dtype=torch.bool)
    torch.testing.assert_close(found[inside], wanted[inside].detach())
    assert torch.equal(found[~inside], given.v[~inside])
    assert not found.requires_grad


@pytest.mark.parametrize(
    ("omega", "kappa", "told"),
    [
        (1.0, 0.0, []),
        (2.0, 0.0, [False]),
        (1.0, 0.5, [True, False]),
        (0.7, 0.3, [True]),
        (0.1, 0.9, [True]),
    ],
)
def test_no_velocity_is_asked_for_that_does_not_count(
    omega: float, kappa: float, told: list[bool]
) -> None:
    network = Spy(Shifted())
    Guidance(omega, kappa).velocity(network, rows(), HIDDEN, Randomness(0))
    assert [call[3] is not None for call in network.calls] == told
    assert not any(call[1] for call in network.calls)
    count = len(network.calls)
    unlabelled = rows(labels=False)
    found = Guidance(omega, kappa).velocity(network, unlabelled, HIDDEN, Randomness(0))
    assert found is unlabelled.v
    assert len(network.calls) == count


def test_where_all_labels_are_known_all_are_guided() -> None:
    given = rows()
    found = Guidance(2.0).velocity(Shifted(), given, None, Randomness(0))
    assert (found != given.v).all()


@pytest.mark.parametrize(("omega", "kappa"), [(1.0, 0.5), (0.2, 0.92), (2.5, 0.0)])
def test_its_fixed_point_is_the_guided_velocity(omega: float, kappa: float) -> None:
    """With v_c + (strength - 1) (v_c - v_h) as its own velocity, the mean of v~ is just that."""
    strength, known, hidden = omega / (1 - kappa), 1.3, 0.3
    network, given = Shifted(), rows()._replace(label=torch.zeros(8, dtype=torch.long))
    with torch.no_grad():
        network.shift[0] = known + (strength - 1) * (known - hidden)
    mean = network.slope * given.x_t
    given = given._replace(v=(mean + known).detach())
    found = Guidance(omega, kappa).velocity(network, given, HIDDEN, Randomness(0))
    torch.testing.assert_close(found, (mean + network.shift[0]).detach())


def test_both_velocities_drop_the_same_units() -> None:
    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            return self.drop(torch.ones_like(x))

    given = rows()
    found = Guidance(1.0, 0.5).velocity(Dropping(), given, HIDDEN, Randomness(0))
    assert torch.equal(found, given.v)


@pytest.mark.parametrize("kind", [specs.MeanFlow, specs.ImprovedMeanFlow])
class TestInAnObjective:
    def loss(self, network: nn.Module, labels: bool, **fields: object) -> Tensor:
        """At one draw of all that is random."""
        if self.kind is specs.ImprovedMeanFlow:
            fields["velocity_head"] = "boundary"
        spec = self.kind(0.5, 0.0, times=UNIFORM, **fields)
        batch = Batch(rows().x_t, rows().label if labels else None)
        models = alone(network)._replace(hidden=HIDDEN)
        return build_objective(spec, (1,))(models, batch, Randomness(0), 0.0).loss

    @pytest.fixture(autouse=True)
    def of(self, kind: type) -> None:
        self.kind = kind

    def test_the_default_is_none(self) -> None:
        assert guidance_of(specs.MeanFlow()) == Guidance()
        usual, guided = Spy(Shifted()), Spy(Shifted())
        found = self.loss(usual, True)
        assert self.loss(guided, True, omega=1.0, guidance_to=0.5) == found
        assert len(guided.calls) == len(usual.calls)
        assert self.loss(guided, True, omega=2.0) != found
        assert self.loss(guided, False, omega=2.0) == self.loss(usual, False)

    def test_an_empty_interval_guides_nothing(self) -> None:
        network = Shifted()
        nowhere = self.loss(network, True, omega=2.0, guidance_from=1.0, guidance_to=0.0)
        assert nowhere == self.loss(network, True)

    def test_a_problem_is_named(self) -> None:
        assert guidance_problems(self.kind(), False) == []
        assert guidance_problems(self.kind(omega=2.0), True) == []
        (found,) = guidance_problems(self.kind(omega=2.0), False)
        assert found[0] == "method.omega"
        (found,) = guidance_problems(self.kind(guidance_from=0.6, guidance_to=0.5), False)
        assert found[0] == "method.guidance_from"


class Means(nn.Module):
    """The exact map of N(mean of the label, deviation^2), the means to be found."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = LinearFlow.exact().requires_grad_(False)
        self.means = nn.Parameter(torch.zeros(HIDDEN + 1, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        mean = self.means[torch.full_like(t, HIDDEN).long() if label is None else label][:, None]
        found: Tensor = self.flow(x - (1 - t[:, None]) * mean, t, s) - mean
        return found


@pytest.mark.parametrize(
    "spec",
    [
        specs.MeanFlow(0.5, 0.0, omega=0.8, kappa=0.6, times=UNIFORM),
        specs.ImprovedMeanFlow(0.5, 0.0, velocity_head="boundary", omega=2.0, times=UNIFORM),
    ],
    ids=["meanflow", "imf"],
)
def test_training_reaches_the_guided_closed_form(spec: specs.Method) -> None:
    """Its strength is 2 in both: each mean as far again from the hidden class's as it was."""
    truth = torch.tensor([-1.0, 0.5, 1.0, 0.2], dtype=torch.float64)
    network, objective, randomness = Means(), build_objective(spec, (1,)), Randomness(0)
    adam, steps = torch.optim.Adam([network.means]), 300
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * step / steps))
        label = torch.arange(1024) % (HIDDEN + 1)
        data = gaussian_batch(1024, step).data + truth[label][:, None]
        models = alone(network)._replace(hidden=HIDDEN)
        adam.zero_grad()
        objective(models, Batch(data, label), randomness, step / steps).loss.backward()
        adam.step()
    wanted = truth[HIDDEN] + 2 * (truth - truth[HIDDEN])
    torch.testing.assert_close(network.means.data, wanted, rtol=0, atol=0.05)
