"""The discriminator's losses, the balance of two losses, and gradients through fixed weights."""

import pytest
import torch
from torch import nn

from engine.objectives.adversarial import balance, hinge
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
