"""du/dt and its parts by x and by t: against differences, and nothing else changes for telling."""

import pytest
import torch
from gaussian_flow import LinearFlow, gaussian_batch
from torch import Tensor, nn

from engine.contract import specs
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives import continuous_consistency, mean_flow
from engine.objectives.base import Loss, alone
from engine.objectives.derivative import (
    on_diagonal,
    root_mean_square,
    with_derivative,
    with_tangents,
)
from engine.objectives.registry import build_objective

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

NETWORKS = {
    "mlp": (specs.MLP(width=8, depth=2), (2,)),
    "unet": (specs.UNet(channels=8, multipliers=(1.0,), blocks=1, attention=(4.0,)), (1, 4, 4)),
    "dit": (specs.DiT(width=8, depth=1, heads=2), (1, 4, 4)),
}
SHIFT = 1e-4


def built(name: str) -> nn.Module:
    """With all weights moved: fresh ones answer nothing."""
    torch.manual_seed(0)
    network = build_network(*NETWORKS[name], 3).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_both_parts_are_those_of_central_differences(name: str, diagonal: bool) -> None:
    network: Network = on_diagonal(built(name)) if diagonal else built(name)
    x, v = torch.randn(2, 20, *NETWORKS[name][1], dtype=torch.float64)
    t, label = torch.linspace(0.3, 0.9, 20, dtype=torch.float64), torch.arange(20) % 4

    def slope(along: float, pace: float) -> Tensor:
        """Of the leading rows, by differences of order 4."""
        ends = [
            network(x + k * SHIFT * along * v, t + k * SHIFT * pace, t / 2, label).detach()
            for k in (-2, -1, 1, 2)
        ]
        return ((ends[0] - ends[3]) + 8 * (ends[2] - ends[1]))[:3] / (12 * SHIFT)

    u, du, told = with_tangents(network, x, t, t / 2, v, label)
    exact = {"rtol": 1e-8, "atol": 1e-10}
    torch.testing.assert_close(told["tangent_x"], root_mean_square(slope(1, 0)), **exact)
    torch.testing.assert_close(told["tangent_t"], root_mean_square(slope(0, 1)), **exact)
    torch.testing.assert_close(slope(1, 0) + slope(0, 1), du[:3], rtol=1e-7, atol=1e-9)
    plain = with_derivative(network, x, t, t / 2, v, label)
    torch.testing.assert_close((u, du), plain, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(told["tangent"], root_mean_square(plain[1]))


@pytest.mark.parametrize(("rows", "few"), [(1, 1), (8, 1), (9, 2), (32, 4), (33, 4), (500, 4)])
def test_few_rows_are_told(rows: int, few: int) -> None:
    x, t = gaussian_batch(rows).data, torch.full((rows,), 0.5, dtype=torch.float64)
    _, du, told = with_tangents(LinearFlow(0.3, 0.2), x, t, t / 2, x)
    assert {name: len(part) for name, part in told.items()} == {
        "tangent": rows,
        "tangent_x": few,
        "tangent_t": few,
    }
    assert len(du) == rows


def test_of_no_rows_nothing_is_told() -> None:
    nothing = torch.zeros(0, 2)
    _, du, told = with_tangents(LinearFlow(), nothing, nothing[:, 0], nothing[:, 0], nothing)
    assert (len(du), told) == (0, {})


class Dropping(nn.Module):
    """Two layers of dropout: the second is where masks of unequal passes part."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop = nn.Linear(3, 8).double(), nn.Dropout(0.5)
        self.last = nn.Linear(8, 3).double()

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        return self.drop(self.last(self.drop(self.first(x).tanh()))) * t[:, None]


@pytest.mark.parametrize(
    ("spec", "module"),
    [
        (specs.MeanFlow(0.5), mean_flow),
        (specs.ContinuousConsistency(), continuous_consistency),
    ],
    ids=["meanflow", "sct"],
)
def test_telling_them_changes_no_loss_and_no_stream(
    spec: specs.Method, module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where units are dropped at random: masks come from torch's own generator."""
    torch.manual_seed(0)
    network, objective = Dropping(), build_objective(spec, (3,)).double()
    batch = gaussian_batch(96)
    batch = batch._replace(data=batch.data.reshape(32, 3))

    def found() -> tuple[Loss, Tensor, Tensor]:
        torch.manual_seed(1)
        randomness = Randomness(0)
        loss = objective(alone(network), batch, randomness, 0.5)
        return loss, torch.rand(1), randomness.normal("noise", (1,))

    def plain(network: Network, *rows: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        u, du = with_derivative(network, *rows)
        return u, du, {"tangent": root_mean_square(du)}

    telling, *streams = found()
    monkeypatch.setattr(module, "with_tangents", plain)
    silent, *expected = found()
    assert telling.parts.keys() - silent.parts.keys() == {"tangent_x", "tangent_t"}
    assert torch.equal(telling.loss, silent.loss)
    assert all(torch.equal(part, telling.parts[name]) for name, part in silent.parts.items())
    assert all(torch.equal(a, b) for a, b in zip(streams, expected, strict=True))
