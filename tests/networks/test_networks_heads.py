"""What iMF asks of a network besides u: a velocity head, and to be told a guidance."""

import pytest
import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.contract.specs import Data, ImprovedMeanFlow, RunSpec
from engine.flow.guidance import carrying, parted, told
from engine.networks.build import build_network, network_of
from engine.objectives.derivative import total_derivative

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

CLASSES = 3
CASES = {
    "mlp": (specs.MLP(width=24, depth=3), (2,)),
    "unet": (specs.UNet(8, (1.0, 2.0), 1, (4.0,), patch=2), (3, 8, 8)),
    "dit": (specs.DiT(patch=2, width=16, depth=2, heads=2), (3, 8, 4)),
}
HOW = {"plain": specs.Plain(), "preconditioned": specs.Preconditioned(0.4, "angle")}
cases = pytest.mark.parametrize("name", CASES)
pictures = pytest.mark.parametrize("name", ["unet", "dit"])
ways = pytest.mark.parametrize("how", HOW)


def built(name: str, how: str = "plain", **more: bool) -> nn.Module:
    """A network whose weights are all away from zero, as after some training."""
    spec, shape = CASES[name]
    torch.manual_seed(0)
    network = build_network(spec, shape, CLASSES, HOW[how], **more).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def point(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    t = 0.5 + 0.4 * torch.rand(3, dtype=torch.float64)
    x = torch.randn((3, *CASES[name][1]), dtype=torch.float64)
    return x, t, 0.6 * t, torch.tensor([0, 2, CLASSES])


def guidance(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64).expand(3, 3)


class TestTheVelocityHead:
    @cases
    @ways
    def test_the_first_of_a_pair_is_the_ordinary_answer(self, name: str, how: str) -> None:
        network, asked = built(name, how, velocity=True), point(name)
        pair = network.heads(*asked)
        assert pair.shape == (3, 2, *CASES[name][1])
        torch.testing.assert_close(pair[:, 0], network(*asked))
        assert (pair[:, 1] - pair[:, 0]).abs().max() > 0.01

    @cases
    def test_a_preconditioned_pair_is_preconditioned_alike(self, name: str) -> None:
        """With both heads' weights the same, so are the answers."""
        network, asked = built(name, "preconditioned", velocity=True), point(name)
        network.backbone.velocity.load_state_dict(network.backbone.leave.state_dict())
        pair = network.heads(*asked)
        torch.testing.assert_close(pair[:, 1], pair[:, 0])

    @cases
    @ways
    def test_its_weights_are_the_only_ones_more(self, name: str, how: str) -> None:
        without, network = built(name, how), built(name, how, velocity=True)
        more = network.state_dict().keys() - without.state_dict().keys()
        own = {".".join(key.split(".")[-2:]) for key in more}
        assert (own, len(more)) == ({"velocity.weight", "velocity.bias"}, 2)
        found = network.load_state_dict(without.state_dict(), strict=False)
        assert set(found.missing_keys) == more
        torch.testing.assert_close(network(*point(name)), without(*point(name)))

    @cases
    def test_each_answer_has_a_last_layer_of_its_own(self, name: str) -> None:
        network, asked = built(name, velocity=True), point(name)
        for which, own, other in ((0, "leave", "velocity"), (1, "velocity", "leave")):
            network.zero_grad()
            network.heads(*asked)[:, which].square().mean().backward()
            assert getattr(network, own).weight.grad.abs().max() > 0
            assert getattr(network, other).weight.grad.abs().max() == 0


class TestGuidance:
    @pictures
    @ways
    def test_none_is_a_strength_of_one_at_all_times(self, name: str, how: str) -> None:
        network, (x, t, s, label) = built(name, how, guided=True), point(name)
        plain = network(x, t, s, label)
        torch.testing.assert_close(
            network(x, t, s, carrying(label, guidance(1.0, 0.0, 1.0))), plain
        )
        hidden = carrying(torch.full((3,), CLASSES), guidance(1.0, 0.0, 1.0))
        torch.testing.assert_close(network(x, t, s, hidden), network(x, t, s, None))

    @pictures
    @ways
    def test_each_of_its_numbers_counts(self, name: str, how: str) -> None:
        network, (x, t, s, label) = built(name, how, guided=True), point(name)
        seen = [network(x, t, s, label)]
        for numbers in ((2.0, 0.0, 1.0), (2.0, 0.3, 1.0), (2.0, 0.3, 0.7)):
            found = told(network, *numbers)(x, t, s, label)
            torch.testing.assert_close(found, network(x, t, s, carrying(label, guidance(*numbers))))
            assert all((found - other).abs().max() > 1e-4 for other in seen)
            seen.append(found)

    @pictures
    def test_the_tangent_is_the_derivative(self, name: str) -> None:
        network, (x, t, s, label) = built(name, guided=True), point(name)
        v, asked = torch.ones_like(x), told(network, 3.0, 0.2, 0.9)
        h = 1e-5
        with torch.no_grad():
            ends = [asked(x + k * h * v, t + k * h, s, label) for k in (-1, 1)]
        found = total_derivative(asked, x, t, s, v, label)
        torch.testing.assert_close(found, (ends[1] - ends[0]) / (2 * h), rtol=1e-6, atol=1e-6)

    def test_a_label_and_what_it_carries_come_apart_again(self) -> None:
        label, numbers = torch.tensor([0, 2, 999]), torch.rand(3, 3)
        known, carried = parted(carrying(label, numbers), torch.zeros(3))
        assert torch.equal(known, label)
        assert torch.equal(torch.stack(carried, 1), numbers)

    def test_without_a_label_nothing_is_told(self) -> None:
        seen: list[Tensor | None] = []

        def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            seen.append(label)
            return x

        x, t, s, _ = point("mlp")
        told(network, 3.0)(x, t, s, None)
        assert seen == [None]


@pytest.mark.parametrize("head", ["auxiliary", "boundary"])
@pytest.mark.parametrize("chosen", ["chosen", "fixed"])
def test_the_network_of_a_run_has_what_its_method_asks_for(head: str, chosen: str) -> None:
    method = ImprovedMeanFlow(velocity_head=head, guidance=chosen)
    spec = RunSpec(Data("emoji-16", labels=True), method, CASES["unet"][0])
    network = network_of(spec, (3, 8, 8), CLASSES)
    assert (network.velocity is not None) == (head == "auxiliary")
    assert (network.conditioning.guidance is not None) == (chosen == "chosen")
