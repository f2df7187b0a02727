"""Laws that every network keeps: shapes, derivatives, labels, precision, the compiler."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from engine.contract import specs
from engine.contract.schema import SpecError
from engine.networks import forward_mode
from engine.networks.attention import attend
from engine.networks.build import build_network
from engine.networks.layers import Convolution
from engine.networks.norms import GroupNorm, layer_norm, rms_norm
from engine.objectives.derivative import total_derivative

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

CASES = {
    "mlp": (specs.MLP(width=24, depth=3), (2,)),
    "unet": (specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,)), (3, 8, 8)),
    "unet-patch": (
        specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(2.0,), patch=2),
        (3, 8, 8),
    ),
    "unet-odd": (specs.UNet(channels=8, multipliers=(1.0, 1.5, 2.0), blocks=1), (1, 7, 9)),
    "dit": (specs.DiT(patch=2, width=16, depth=2, heads=2), (3, 8, 4)),
    "dit-smooth": (
        specs.DiT(patch=2, width=16, depth=2, heads=2, semi_lipschitz=True),
        (3, 8, 4),
    ),
}
CLASSES = 3


def built(name: str, classes: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A network whose weights are all away from zero, as after some training."""
    spec, shape = CASES[name]
    torch.manual_seed(0)
    network = build_network(spec, shape, classes).to(dtype)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def point(name: str, count: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    """States, times t > s and a direction."""
    torch.manual_seed(1)
    shape = (count, *CASES[name][1])
    t = 0.5 + 0.4 * torch.rand(count, dtype=dtype)
    return torch.randn(shape, dtype=dtype), t, 0.6 * t, torch.randn(shape, dtype=dtype)


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_it_answers_in_the_shape_and_type_of_its_input(name: str) -> None:
    for dtype in (torch.float32, torch.float64):
        x, t, s, _ = point(name, dtype=dtype)
        u = built(name, dtype=dtype)(x, t, s)
        assert u.shape == x.shape
        assert u.dtype == dtype


def test_each_sample_is_answered_for_itself(name: str) -> None:
    network, (x, t, s, _) = built(name), point(name)
    torch.testing.assert_close(network(x, t, s)[1:2], network(x[1:2], t[1:2], s[1:2]))


@pytest.mark.parametrize("gradient", [False, True])
def test_the_tangent_is_the_derivative(name: str, gradient: bool) -> None:
    network, (x, t, s, v) = built(name), point(name)

    def along(step: float) -> Tensor:
        return network(x + step * v, t + step, s)

    h = 1e-3
    with torch.no_grad():
        near, far = along(h) - along(-h), along(2 * h) - along(-2 * h)
        farthest = along(3 * h) - along(-3 * h)
    expected = (45 * near - 9 * far + farthest) / (60 * h)
    if gradient:
        with forward_ad.dual_level():
            moving = (forward_ad.make_dual(x, v), forward_ad.make_dual(t, torch.ones_like(t)))
            found = forward_ad.unpack_dual(network(*moving, s)).tangent
        assert found.requires_grad
    else:
        found = total_derivative(network, x, t, s, v)
    assert (found - expected).norm() < 1e-8 * expected.norm()


def test_functorch_finds_the_same_tangent(name: str) -> None:
    network, (x, t, s, v) = built(name), point(name)
    directions = (v, torch.ones_like(t), torch.zeros_like(s))
    with torch.no_grad():
        _, expected = torch.func.jvp(network, (x, t, s), directions)
    torch.testing.assert_close(total_derivative(network, x, t, s, v), expected)


def test_one_time_for_all_is_a_time_for_each(name: str) -> None:
    """Where it is only asked, and says so: the tangent of a time is not one for all."""
    network = built(name)
    x = point(name, count=5)[0]
    t, s = x.new_full((5,), 0.7), x.new_full((5,), 0.2)
    with torch.no_grad():
        each = network(x, t, s, None)
    with torch.inference_mode():
        torch.testing.assert_close(network(x, t, s, None), each, rtol=1e-12, atol=1e-12)
        others = torch.linspace(0.3, 0.9, 5, dtype=t.dtype)
        apart = torch.cat([network(x[k : k + 1], others[k : k + 1], s[:1], None) for k in range(5)])
        torch.testing.assert_close(network(x, others, s, None), apart, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_pass_without_gradient_answers_the_same(
    name: str, mode: type[torch.no_grad] | type[torch.inference_mode]
) -> None:
    network, (x, t, s, _) = built(name), point(name)
    with mode():
        found = network(x, t, s)
    torch.testing.assert_close(found, network(x, t, s), rtol=1e-12, atol=1e-12)


def test_every_weight_is_reached_by_the_gradient(name: str) -> None:
    network, (x, t, s, _) = built(name, CLASSES), point(name)
    network(x, t, s, torch.tensor([0, 2, CLASSES])).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


def test_a_hidden_class_is_a_class_of_its_own(name: str) -> None:
    network, (x, t, s, _) = built(name, CLASSES), point(name)
    hidden = network(x, t, s, torch.full((3,), CLASSES))
    torch.testing.assert_close(network(x, t, s), hidden)
    torch.testing.assert_close(network(x, t, s, None), hidden)
    for label in range(CLASSES):
        assert not torch.allclose(network(x, t, s, torch.full((3,), label)), hidden)


def test_without_classes_the_label_is_ignored(name: str) -> None:
    network, (x, t, s, _) = built(name), point(name)
    assert torch.equal(network(x, t, s, torch.tensor([0, 5, 9])), network(x, t, s))


def test_both_times_count(name: str) -> None:
    network, (x, t, s, _) = built(name), point(name)
    assert not torch.allclose(network(x, t, s), network(x, t, 0.5 * s))
    assert not torch.allclose(network(x, t, s), network(x, t + 0.1, s + 0.1))


def test_bfloat16_stays_near_float32(name: str) -> None:
    network = built(name, dtype=torch.float32)
    x, t, s, _ = point(name, dtype=torch.float32)
    expected = network(x, t, s)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(x, t, s)
        found.square().mean().backward()
    assert (found - expected).norm() < 0.03 * expected.norm()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("name", "kept"), [("dit", False), ("dit-smooth", True)])
def test_a_semi_lipschitz_transformer_is_not_steered_harder_by_longer_weights(
    name: str, kept: bool
) -> None:
    network, (x, t, s, v) = built(name), point(name)
    before = total_derivative(network, x, t, s, v)
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            parameter.mul_(100 if ".modulate." in key else 1)
    after = total_derivative(network, x, t, s, v)
    assert bool((after - before).norm() < 0.01 * before.norm()) is kept


def test_memory_order_changes_nothing() -> None:
    network, (x, t, s, v) = built("unet"), point("unet")
    expected = network(x, t, s), total_derivative(network, x, t, s, v)
    network.to(memory_format=torch.channels_last)
    x, v = (z.contiguous(memory_format=torch.channels_last) for z in (x, v))
    torch.testing.assert_close(network(x, t, s), expected[0])
    torch.testing.assert_close(total_derivative(network, x, t, s, v), expected[1])


@pytest.mark.parametrize("name", ["unet", "dit"])
def test_a_fresh_network_for_pictures_says_nothing(name: str) -> None:
    spec, shape = CASES[name]
    x, t, s, _ = point(name, dtype=torch.float32)
    assert build_network(spec, shape, 0)(x, t, s).abs().max() == 0


def test_shipped_sizes_have_one_to_three_million_weights() -> None:
    for spec in (specs.UNet(channels=32), specs.DiT(width=128, heads=4)):
        count = sum(p.numel() for p in build_network(spec, (3, 16, 16), 0).parameters())
        assert 1e6 < count < 3e6


@pytest.mark.parametrize(
    ("spec", "shape", "key"),
    [
        (specs.UNet(multipliers=(1.0, 1.0, 1.0, 1.0)), (3, 4, 4), "network.multipliers"),
        (specs.UNet(patch=2), (3, 8, 9), "network.patch"),
        (specs.DiT(patch=3), (3, 16, 16), "network.patch"),
        (specs.DiT(width=18, heads=2), (3, 16, 16), "network.width"),
        (specs.DiT(width=64, heads=6), (3, 16, 16), "network.heads"),
    ],
)
def test_a_spec_that_does_not_fit_is_named(
    spec: specs.Network, shape: tuple[int, ...], key: str
) -> None:
    with pytest.raises(SpecError) as error:
        build_network(spec, shape, 0)
    assert error.value.key == key
    assert str(error.value).count(".") == 1


class TestNorms:
    def test_group_norm_is_torchs_own(self) -> None:
        norm = GroupNorm(16).double()
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        x = 3 + 2 * torch.randn(2, 16, 5, 4, dtype=torch.float64)
        expected = torch.group_norm(x, norm.groups, norm.weight, norm.bias, 1e-5)
        assert norm.groups > 1
        torch.testing.assert_close(norm(x), expected)
        torch.testing.assert_close(norm.plain(x), expected)

    def test_statistics_are_float32_under_autocast(self) -> None:
        x = 100 + torch.randn(2, 8, 16, 16)
        with torch.autocast("cpu", torch.bfloat16):
            found = GroupNorm(8)(x)
        torch.testing.assert_close(found, GroupNorm(8)(x))

    def test_layer_and_rms_norm(self) -> None:
        x = 2 + 3 * torch.randn(4, 5, 64, dtype=torch.float64)
        torch.testing.assert_close(layer_norm(x), nn.functional.layer_norm(x, (64,)))
        torch.testing.assert_close(rms_norm(x), nn.functional.rms_norm(x, (64,), eps=1e-5))


def test_attention_is_torchs_own() -> None:
    q, k, v = torch.randn(3, 2, 4, 9, 8, dtype=torch.float64)
    expected = nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(attend(q, k, v), expected)


class TestHandWrittenDerivatives:
    def test_they_serve_passes_without_gradient_only(self) -> None:
        assert not forward_mode.applies()
        with torch.no_grad():
            assert forward_mode.applies()
        with torch.inference_mode():  # no tangent is carried there, and a jump is to be fast
            assert not forward_mode.applies()

    @pytest.mark.parametrize("layer", [Convolution(8, 8, 3), GroupNorm(8)])
    def test_without_them_the_answer_is_the_same_to_the_bit(self, layer: nn.Module) -> None:
        x = torch.randn(2, 8, 4, 4)
        with torch.no_grad():
            by_hand = layer(x)
        with torch.inference_mode():
            assert torch.equal(layer(x), by_hand)

    @pytest.mark.parametrize("layer", [Convolution(8, 8, 3), GroupNorm(8)])
    def test_by_a_weight_they_refuse_rather_than_be_wrong(self, layer: nn.Module) -> None:
        x = torch.randn(2, 8, 4, 4)
        weights = {name: p.detach() for name, p in layer.named_parameters()}

        def answer(weights: dict[str, Tensor]) -> Tensor:
            return torch.func.functional_call(layer, weights, x)

        _, expected = torch.func.jvp(answer, (weights,), (weights,))
        assert expected.abs().max() > 0
        with torch.no_grad(), pytest.raises(NotImplementedError):
            torch.func.jvp(answer, (weights,), (weights,))
