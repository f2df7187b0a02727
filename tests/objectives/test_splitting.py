"""Splitting a jump in two: PSD, and what every method with rows of jumps stands on."""

import pytest
import torch
from gaussian_flow import LinearFlow, fitted, gaussian_batch, significance
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives import alpha_flow, lagrangian, mean_flow, rows, splitting
from engine.objectives.base import Models, Objective, alone
from engine.objectives.derivative import total_derivative
from engine.objectives.registry import build_objective
from engine.objectives.rows import Rows, draw_rows
from engine.objectives.splitting import PSD, mean_of_own_parts, mean_of_parts

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

UNIFORM = specs.Times("uniform")
METHODS: dict[str, specs.Method] = {
    "midpoint": specs.PSD(0.5),
    "uniform": specs.PSD(0.5, "uniform"),
    "shortcut": specs.Shortcut(0.5, clip=0.0),
    "alphaflow": specs.AlphaFlow(0.5, adaptive_power=0.0, clip=0.0, times=UNIFORM),
    "lsd": specs.LSD(0.5),
    "tvm": specs.TVM(UNIFORM, UNIFORM),
}


def jumps_of(count: int) -> Rows:
    """Rows that jump."""
    return draw_rows(UNIFORM, 1.0, gaussian_batch(count), Randomness(0))[0]


def nothing() -> None:
    """For networks that drop nothing."""


class TestRows:
    @pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
    def test_the_jumps_come_first_and_are_the_share_of_all(self, share: float) -> None:
        found, jumps = draw_rows(specs.Times(), share, gaussian_batch(10), Randomness(0))
        assert jumps == round(10 * share)
        assert (found.s[:jumps] < found.t[:jumps]).all()
        assert torch.equal(found.s[jumps:], found.t[jumps:])

    def test_times_on_the_diagonal_follow_the_law_itself(self) -> None:
        found, _ = draw_rows(UNIFORM, 0.5, gaussian_batch(40_000), Randomness(0))
        assert found.t[20_000:].mean().item() == pytest.approx(1 / 2, abs=0.01)
        assert found.t[:20_000].mean().item() == pytest.approx(2 / 3, abs=0.01)

    def test_they_stand_on_the_line_between_their_data_and_noise(self) -> None:
        batch = gaussian_batch(50)._replace(label=torch.arange(50))
        found, _ = draw_rows(UNIFORM, 0.5, batch, Randomness(0))
        torch.testing.assert_close(found.x_t - found.t[:, None] * found.v, batch.data)
        part = found.between(10, 20)
        assert torch.equal(part.v, found.v[10:20])
        assert torch.equal(part.label, torch.arange(10, 20))


class TestSplitting:
    def test_the_exact_map_is_the_mean_of_its_parts(self) -> None:
        network, found = LinearFlow.exact(), jumps_of(400)
        share = torch.rand(400, dtype=torch.float64)
        u = found.asked(network)
        for cut in (0.5, share):
            mean = mean_of_own_parts(network, found, cut, nothing)
            torch.testing.assert_close(mean, u, rtol=0, atol=1e-14)
        other = mean_of_own_parts(LinearFlow(0.3, 0.2), found, share, nothing)
        assert (other - found.asked(LinearFlow(0.3, 0.2))).abs().max() > 1e-3

    def test_the_state_and_the_mean_stay_within_the_clip(self) -> None:
        asked: list[Tensor] = []

        def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            asked.append(x)
            return 100 * x

        found = jumps_of(50)
        mean = mean_of_parts(network, found, 50 * found.v, 0.5, clip=2.0)
        assert asked[0].abs().max() == 2
        assert mean.abs().max() == 2

    def test_a_small_first_part_is_the_derivative_of_meanflow(self) -> None:
        """(u - mean) / share tends to u - v + (t - s) du/dt: MeanFlow is the limit."""
        network, found = LinearFlow(0.3, 0.2), jumps_of(200)
        x_t, t, s, v, _ = found
        u = found.asked(network)
        limit = u - mean_flow.target(v, t, s, total_derivative(network, x_t, t, s, v))
        apart = [
            ((u - mean_of_parts(network, found, v, share)) / share - limit).abs().max().item()
            for share in (1e-3, 1e-4)
        ]
        assert apart[0] < 0.05
        assert apart[1] == pytest.approx(apart[0] / 10, rel=0.1)


class TestPSD:
    @pytest.mark.parametrize("name", ["midpoint", "uniform"])
    def test_training_reaches_the_closed_form(self, name: str) -> None:
        weights = fitted(METHODS[name]).weights
        torch.testing.assert_close(weights, LinearFlow.exact().weights, rtol=0, atol=0.03)

    def test_at_the_exact_map_the_jumps_have_no_error_and_the_mean_gradient_is_zero(self) -> None:
        spec, network = specs.PSD(0.5, "uniform"), LinearFlow.exact()
        found = PSD(spec, (1,))(alone(network), gaussian_batch(500), Randomness(0), 0.0)
        assert found.parts["error_jump"].max() < 1e-28
        assert significance(spec, network).max() < 3
        assert significance(spec, LinearFlow(-0.5, 1.1)).max() > 10

    def test_the_parts_are_asked_of_the_target_without_gradient(self) -> None:
        student, target = LinearFlow(0.3, 0.2), LinearFlow(0.1, 0.4)
        spec = specs.PSD(1.0)
        loss = PSD(spec, (1,))(Models(student, target), gaussian_batch(20), Randomness(0), 0.0).loss
        loss.backward()
        assert student.weights.grad is not None
        assert target.weights.grad is None
        own = PSD(spec, (1,))(alone(student), gaussian_batch(20), Randomness(0), 0.0).loss
        assert own.item() != loss.item()

    @pytest.mark.parametrize(
        ("share", "names"),
        [
            (0.0, {"error", "error_diagonal"}),
            (0.5, {"error", "error_diagonal", "error_jump"}),
            (1.0, {"error", "error_jump"}),
        ],
    )
    def test_a_part_that_no_sample_has_is_left_out(self, share: float, names: set[str]) -> None:
        found = PSD(specs.PSD(share), (1,))(
            alone(LinearFlow(0.3, 0.2)), gaussian_batch(8), Randomness(0), 0.0
        )
        assert set(found.parts) == names
        assert not any(part.requires_grad for part in found.parts.values())
        torch.testing.assert_close(found.loss.detach(), found.parts["error"].mean())


class Dropping(nn.Module):
    """A network that notes the masks of two layers of dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.gain = nn.Parameter(torch.ones(()))
        self.kept: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        masks = self.drop(torch.ones(x.shape)), self.drop(torch.ones(x.shape))
        self.kept.append(masks)
        return self.gain * masks[0] * masks[1] * x


@pytest.mark.parametrize("name", METHODS)
def test_all_passes_over_the_jumps_drop_the_same_units(name: str) -> None:
    network, randomness = Dropping(), Randomness(0)
    objective = build_objective(METHODS[name], (3, 4, 4))
    batch = Batch(torch.randn(8, 3, 4, 4), None)
    for _ in range(2):
        objective(alone(network), batch, randomness, 0.5)
    count = len(network.kept) // 2
    jumps = [pass_ for pass_ in network.kept[:count] if torch.equal(pass_[0], network.kept[0][0])]
    assert len(jumps) == {"midpoint": 3, "uniform": 3, "shortcut": 3}.get(name, 2)
    assert all(torch.equal(pass_[1], jumps[0][1]) for pass_ in jumps)
    assert not torch.equal(network.kept[count][0], network.kept[0][0])


@pytest.mark.parametrize("name", METHODS)
def test_the_same_randomness_gives_the_same_loss(name: str) -> None:
    objective, network = build_objective(METHODS[name], (1,)), LinearFlow(0.3, 0.2)
    losses = [
        objective(alone(network), gaussian_batch(20), Randomness(seed), 0.5).loss.item()
        for seed in (7, 7, 8)
    ]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("name", ["midpoint", "alphaflow", "lsd"])
def test_the_gradient_of_a_batch_is_the_mean_of_its_halves(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it must be where a batch is divided among devices."""
    objective, network = build_objective(METHODS[name], (1,)), LinearFlow(0.3, 0.2)
    whole, jumps = draw_rows(UNIFORM, 0.5, gaussian_batch(8), Randomness(0))
    first, second = [0, 1, 4, 5], [2, 3, 6, 7]

    def gradient(index: list[int]) -> Tensor:
        x_t, t, s, v = (each[index] for each in whole[:4])
        drawn = Rows(x_t, t, s, v, None), len(index) * jumps // 8
        for module in (splitting, alpha_flow, lagrangian):
            monkeypatch.setattr(module, "draw_rows", lambda *_: drawn)
        loss = objective(alone(network), gaussian_batch(len(index)), Randomness(0), 0.5).loss
        return torch.autograd.grad(loss, network.weights)[0]

    halves = (gradient(first) + gradient(second)) / 2
    torch.testing.assert_close(gradient([*range(8)]), halves)
    assert (gradient(first) - gradient(second)).abs().max() > 1e-3


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "spec",
    [
        specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,)),
        specs.DiT(patch=2, width=16, depth=2, heads=2),
    ],
    ids=["unet", "dit"],
)
def test_bfloat16_is_near_float32(name: str, spec: specs.Network) -> None:
    torch.manual_seed(0)
    network = build_network(spec, (3, 8, 8), 2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    batch = Batch(torch.randn(16, 3, 8, 8), torch.randint(3, (16,)))
    objective: Objective = build_objective(METHODS[name], (3, 8, 8))
    wide = objective(alone(network), batch, Randomness(0), 0.5)
    with torch.autocast("cpu", torch.bfloat16):
        narrow = objective(alone(network), batch, Randomness(0), 0.5)
    narrow.loss.backward()
    assert narrow.loss.dtype == torch.float32
    assert narrow.loss.item() == pytest.approx(wide.loss.item(), rel=0.01)
    jump = narrow.parts["error_jump"], wide.parts["error_jump"]
    exact = name in ("alphaflow", "lsd", "tvm")  # whose jumps are kept out of autocast
    torch.testing.assert_close(*jump, rtol=1e-5 if exact else 0.3, atol=1e-5)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_without_jumps_no_target_is_asked_for() -> None:
    def target(leading: Rows, again: rows.Again) -> Tensor:
        raise AssertionError

    found, _ = draw_rows(UNIFORM, 0.0, gaussian_batch(5), Randomness(0))
    u, made = rows.beside(LinearFlow.exact(), found, 0, Randomness(0), target)
    assert (len(u), len(made)) == (5, 0)
