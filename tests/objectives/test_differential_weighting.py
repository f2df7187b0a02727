"""Weights of errors."""

import math

import pytest
import torch

from engine.objectives.weighting import LearnedWeight, adaptive_weight


def test_an_adaptive_weight_of_power_zero_is_one() -> None:
    error = torch.rand(5)
    assert torch.equal(adaptive_weight(error, 3, 0.0, 0.1), torch.ones(5))
    torch.testing.assert_close(adaptive_weight(error, 4, 0.5, 0.2), (error + 0.05).rsqrt())


def test_a_learned_weight_is_one_at_first() -> None:
    assert torch.equal(LearnedWeight()(torch.rand(7)), torch.zeros(7))


def test_it_stays_in_its_own_precision() -> None:
    weight = LearnedWeight()
    torch.nn.init.normal_(weight.last.weight)
    t = torch.rand(50)
    plain = weight(t)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(weight(t), plain)
    assert weight(t.double()).dtype == torch.float32
    torch.testing.assert_close(weight.double()(t.double()).float(), plain)


def test_it_learns_minus_the_logarithm_of_the_mean_error() -> None:
    """Errors whose mean rises with t over two decades, each sample's own by chance."""
    torch.manual_seed(0)
    weight = LearnedWeight()
    adam = torch.optim.Adam(weight.parameters())
    for step in range(600):
        adam.param_groups[0]["lr"] = 0.025 * (1 + math.cos(math.pi * step / 600))
        t = torch.rand(1024)
        error = 10 ** (2 * t - 1) * -torch.rand(1024).log()
        w = weight(t)
        adam.zero_grad()
        (w.exp() * error - w).mean().backward()
        adam.step()
    t = torch.linspace(0.05, 0.95, 19)
    wanted = -(2 * t - 1) * math.log(10)
    assert (weight(t) - wanted).abs().max().item() == pytest.approx(0, abs=0.2)
