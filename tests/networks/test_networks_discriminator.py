"""The discriminator: one logit a sample, smooth, in its own precision, able to tell apart."""

import pytest
import torch
from torch import nn
from torch.linalg import matrix_norm

from engine.networks.discriminator import Discriminator

SHAPES = [(2,), (5,), (3, 16, 16), (3, 32, 32), (1, 7, 9), (3, 4, 4), (1, 2, 2)]


@pytest.fixture(params=SHAPES, ids=str)
def shape(request: pytest.FixtureRequest) -> tuple[int, ...]:
    return request.param


def built(
    shape: tuple[int, ...], dtype: torch.dtype = torch.float64, classes: int = 0
) -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(shape, classes).to(dtype)


def test_it_gives_each_sample_a_logit_of_its_own(shape: tuple[int, ...]) -> None:
    network, x = built(shape).eval(), torch.randn(4, *shape, dtype=torch.float64)
    logits = network(x)
    assert logits.shape == (4,)
    torch.testing.assert_close(network(x[2:3]), logits[2:3])
    assert logits.std() > 0


def test_every_weight_is_reached_by_the_gradient(shape: tuple[int, ...]) -> None:
    network = built(shape)
    network(torch.randn(4, *shape, dtype=torch.float64)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_each_layer_has_spectral_norm_one(shape: tuple[int, ...]) -> None:
    network = built(shape, classes=3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
        for _ in range(200):
            network(torch.zeros(1, *shape))
    layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
    assert len(layers) > 1
    for layer in layers:
        norm = matrix_norm(layer.weight.flatten(1), ord=2)
        assert norm.item() == pytest.approx(1, abs=1e-3)


def test_each_class_is_judged_on_its_own(shape: tuple[int, ...]) -> None:
    network, x = built(shape, classes=3).eval(), torch.randn(4, *shape, dtype=torch.float64)
    label = torch.tensor([0, 1, 2, 3])
    logits = network(x, label)
    assert logits.shape == (4,)
    torch.testing.assert_close(network(x[1:2], label[1:2]), logits[1:2])
    by_class = torch.stack([network(x[:1], label[k : k + 1]) for k in range(4)])
    assert len(by_class.unique()) == 4
    assert torch.equal(network(x), network(x, torch.full((4,), 3)))  # hidden


def test_a_class_adds_its_projection() -> None:
    """Linear in what the layers found, so that the plain logit is the part that all share."""
    network = built((2,), classes=2).eval()
    x, label = torch.randn(5, 2, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0])
    found = network.body(x)
    assert network.label is not None
    expected = network.last(found)[:, 0] + (network.label(label) * found).sum(1)
    torch.testing.assert_close(network(x, label), expected)


def test_without_classes_a_label_is_ignored() -> None:
    network, x = built((2,)).eval(), torch.randn(3, 2, dtype=torch.float64)
    assert torch.equal(network(x, torch.tensor([0, 5, 9])), network(x))


def test_it_learns_what_only_the_class_tells() -> None:
    """Both laws hold the same samples, in the other class."""
    network = built((2,), torch.float32, classes=2)
    adam = torch.optim.Adam(network.parameters(), 2e-3)
    generator = torch.Generator().manual_seed(0)

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        label = torch.randint(2, (128,), generator=generator)
        return torch.randn(128, 2, generator=generator) + 4 * label[:, None] - 2, label

    for _ in range(60):
        x, label = drawn()
        adam.zero_grad()
        real, fake = network(x, label), network(x, 1 - label)
        ((1 - real).relu().mean() + (1 + fake).relu().mean()).backward()
        adam.step()
    x, label = drawn()
    with torch.no_grad():
        assert (network(x, label) > network(x, 1 - label)).float().mean() > 0.9


def test_points_are_judged_smoothly() -> None:
    """Layers of norm 1 and slopes up to 1: no logit changes faster than its point moves."""
    network = built((2,))
    with torch.no_grad():
        for _ in range(100):
            network(torch.zeros(1, 2))
    x = (3 * torch.randn(500, 2, dtype=torch.float64)).requires_grad_()
    (slope,) = torch.autograd.grad(network.eval()(x).sum(), x)
    assert slope.norm(dim=1).max() < 1.001


def test_in_evaluation_it_does_not_change(shape: tuple[int, ...]) -> None:
    network, x = built(shape).eval(), torch.randn(2, *shape, dtype=torch.float64)
    assert torch.equal(network(x), network(x))


def test_autocast_changes_nothing(shape: tuple[int, ...]) -> None:
    network, x = built(shape, torch.float32).eval(), torch.randn(2, *shape)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(x)
        coarse = network(x.bfloat16())
    assert torch.equal(logits, network(x))
    assert logits.dtype == coarse.dtype == torch.float32


def test_saved_it_goes_on_bit_for_bit() -> None:
    first, second, x = built((2,)), Discriminator((2,)).double(), torch.randn(3, 2).double()
    first(x)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second(x))


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)], ids=str)
def test_it_learns_to_tell_two_laws_apart(shape: tuple[int, ...]) -> None:
    network = built(shape, torch.float32)
    adam = torch.optim.Adam(network.parameters(), 2e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        real, fake = torch.randn(2, 64, *shape, generator=generator)
        adam.zero_grad()
        loss = (1 - network(real + 1)).relu().mean() + (1 + network(fake - 1)).relu().mean()
        loss.backward()
        adam.step()
    real, fake = torch.randn(2, 256, *shape, generator=generator)
    with torch.no_grad():
        right = (network(real + 1) > network(fake - 1)).float().mean()
    assert right > 0.9
