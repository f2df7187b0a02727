"""The discriminator's losses, the balance of two losses, and gradients through fixed weights."""

import pytest
import torch
from torch import nn

from engine.contract import specs
from engine.flow.randomness import Randomness
from engine.objectives.adversarial import View, balance, draw_view, hinge
from engine.objectives.frozen import behind, leaf


class TestHinge:
    def test_closed_forms(self) -> None:
        real, fake = torch.tensor([-1.0, 0.0, 1.0, 5.0]), torch.tensor([1.0, -0.5, -1.0, -7.0])
        assert hinge(real, fake).item() == pytest.approx((2 + 1) / 4 + (2 + 0.5) / 4)
        assert hinge(torch.zeros(3), torch.zeros(5)).item() == 2

    def test_what_is_well_told_apart_pulls_no_more(self) -> None:
        real, fake = torch.tensor([1.5, 0.5], requires_grad=True), torch.tensor([-1.5, -0.5])
        fake.requires_grad_()
        hinge(real, fake).backward()
        assert real.grad is not None
        assert fake.grad is not None
        assert real.grad.tolist() == [0, -0.5]
        assert fake.grad.tolist() == [0, 0.5]


class TestBalance:
    def test_it_is_the_ratio_of_the_lengths(self) -> None:
        weight = torch.tensor([1.0, 2.0], requires_grad=True)
        main, other = (weight * torch.tensor([3.0, 4.0])).sum(), (weight * 2).sum()
        found = balance(main, other, weight)
        assert found.item() == pytest.approx(5 / (8**0.5 + 1e-4))
        assert not found.requires_grad
        (main + found * other).backward()  # both graphs are still there
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, torch.tensor([3.0, 4.0]) + 2 * found)

    def test_it_stays_within_its_limits(self) -> None:
        weight = torch.ones(1, requires_grad=True)
        assert balance(weight.sum(), 0 * weight.sum(), weight).item() == pytest.approx(1e4)
        assert balance(1e6 * weight.sum(), 0 * weight.sum(), weight, 0.01, 10).item() == 10
        found = balance(1e-6 * weight.sum(), weight.sum(), weight, 0.01, 10).item()
        assert found == pytest.approx(0.01)

    def test_where_nothing_is_to_be_compared_it_is_one(self) -> None:
        weight = torch.ones(1, requires_grad=True)
        assert balance(weight.sum(), torch.tensor(2.0), weight).item() == 1


def view(count: int = 500, side: tuple[int, int] = (8, 6), **fields: float) -> View:
    """Of many pictures, with nothing done to them but what `fields` say."""
    nothing = {"shift": 0.0, "cutout": 0.0, "flip": 0.0}
    spec = specs.Augmentation(**nothing | fields)
    return draw_view(spec, torch.zeros(count, 3, *side), Randomness(0))


class TestView:
    def test_nothing_is_done_where_nothing_is_asked(self) -> None:
        x = torch.randn(500, 3, 8, 6)
        assert torch.equal(view().of(x), x)

    def test_pictures_are_moved_every_way_and_nothing_comes_in(self) -> None:
        x = torch.zeros(500, 3, 8, 6)
        x[:, :, 4, 3] = 1
        found = view(shift=0.25).of(x).sum(1) / 3
        assert (found.sum((1, 2)) == 1).all()  # the middle stays within
        places = {tuple(place) for place in found.nonzero()[:, 1:].tolist()}
        assert places == {(4 + down, 3 + right) for down in range(-2, 3) for right in range(-2, 3)}
        ones = view(shift=0.25).of(torch.ones(500, 3, 8, 6))
        full = ones.sum((1, 2, 3)).unique().tolist()
        assert full == sorted({3.0 * rows * columns for rows in (6, 7, 8) for columns in (4, 5, 6)})

    def test_a_square_is_covered_anywhere(self) -> None:
        shown = view(2000, cutout=0.5).of(torch.ones(2000, 3, 8, 6))[:, 0]
        assert ((shown == 0).flatten(1).sum(1) <= 4 * 3).all()
        assert ((shown == 0).flatten(1).sum(1) == 4 * 3).any()
        hidden = 1 - shown.mean(0)
        assert hidden.min() > 0.05
        assert hidden.max() < 0.5

    def test_a_share_is_mirrored(self) -> None:
        x = torch.randn(2000, 3, 8, 6)
        found = view(2000, flip=0.25).of(x)
        turned = (found == x.flip(3)).flatten(1).all(1)
        assert turned.float().mean().item() == pytest.approx(0.25, abs=0.03)
        assert torch.equal(found[~turned], x[~turned])

    def test_the_gradient_passes_to_what_is_shown(self) -> None:
        looked = view(4, shift=0.25, cutout=0.5, flip=0.5)
        x = torch.randn(4, 3, 8, 6, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(looked.of, (x,))
        (slope,) = torch.autograd.grad(looked.of(x).sum(), x)
        torch.testing.assert_close(slope.sum((1, 2, 3)), 3.0 * looked.shown.double().sum((1, 2, 3)))

    def test_it_is_drawn_from_a_stream_of_its_own(self) -> None:
        randomness = Randomness(0)
        draw_view(specs.Augmentation(), torch.zeros(4, 3, 8, 8), randomness)
        assert set(randomness.state()) == {"augmentation", "global"}


class TestBehind:
    def test_value_and_gradient_are_those_of_the_plain_graph(self) -> None:
        torch.manual_seed(0)
        first, fixed = nn.Linear(3, 4).double(), nn.Linear(4, 2).double()
        data = torch.randn(5, 3, dtype=torch.float64)
        plain = fixed(first(data).tanh()).square().mean()
        expected = torch.autograd.grad(plain, [*first.parameters()])
        x = first(data).tanh()
        at = leaf(x)
        value = behind(fixed(at).square().mean(), at, x)
        torch.testing.assert_close(value, plain)
        value.backward()
        found = [p.grad for p in first.parameters()]
        torch.testing.assert_close(found, list(expected))
        assert all(p.grad is None for p in fixed.parameters())

    def test_one_graph_serves_several_values(self) -> None:
        x = torch.tensor([2.0], requires_grad=True)
        at = leaf(x)
        cube = at**3
        behind(cube.sum(), at, x).backward()
        behind(2 * cube.sum(), at, x).backward()
        assert x.grad is not None
        assert x.grad.item() == pytest.approx(3 * 12)

    def test_without_a_gradient_to_pass_on_it_is_a_number(self) -> None:
        x = torch.ones(2)
        at = leaf(x)
        assert not behind(at.sum(), at, x).requires_grad
