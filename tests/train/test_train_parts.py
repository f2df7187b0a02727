"""Schedule, optimiser, averages, precision: the parts of a trainer."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from engine.contract.errors import UserError
from engine.contract.specs import Training
from engine.train.ema import Averages
from engine.train.fitting import copy_into
from engine.train.optimiser import Optimiser, learning_rate, rectification
from engine.train.precision import autocast, choose_device


def optimiser_of(network: nn.Module, spec: Training) -> Optimiser:
    return Optimiser(dict(network.named_parameters()), spec)


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


@given(
    st.integers(1, 200),
    st.integers(0, 50),
    st.sampled_from(["cosine", "linear", "inverse-sqrt", "constant"]),
    st.floats(1e-6, 1),
    st.integers(1, 100),
)
def test_the_rate_rises_in_the_warm_up_and_then_never_again(
    steps, warmup, schedule, top, hold
) -> None:
    how = {"schedule": schedule, "learning_rate": top, "hold": hold}
    spec = Training(steps=steps + warmup, warmup=warmup, **how)
    rates = [learning_rate(spec, step) for step in range(spec.steps)]
    assert all(0 < rate <= top for rate in rates)
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
    assert rates[warmup] == top
    assert warmup == 0 or math.isclose(rates[0], top / warmup)


def test_cosine_is_half_way_down_half_way_through_and_zero_at_the_end() -> None:
    spec = Training(steps=1100, warmup=100, learning_rate=2.0)
    assert math.isclose(learning_rate(spec, 600), 1.0)
    assert learning_rate(spec, 1100) == 0.0
    assert learning_rate(Training(steps=1100, schedule="constant"), 1099) == 2e-3


def test_linear_falls_evenly_to_zero() -> None:
    spec = Training(steps=1100, warmup=100, learning_rate=2.0, schedule="linear")
    rates = [learning_rate(spec, step) for step in range(100, 1101)]
    assert all(math.isclose(a - b, 2e-3) for a, b in itertools.pairwise(rates))
    assert (rates[0], rates[-1]) == (2.0, 0.0)


def test_inverse_sqrt_halves_in_four_times_the_steps_once_it_falls() -> None:
    spec = Training(steps=10_000, warmup=0, learning_rate=1e-2, schedule="inverse-sqrt", hold=500)
    assert {learning_rate(spec, step) for step in range(501)} == {1e-2}
    for step in (500, 700, 2500):
        assert math.isclose(learning_rate(spec, 4 * step), learning_rate(spec, step) / 2)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_every_cycle_is_a_whole_training_of_its_own(schedule) -> None:
    once = Training(steps=100, warmup=0, schedule=schedule)
    often = Training(steps=1300, warmup=0, schedule=schedule, cycles=13)
    for step in range(1300):
        wanted = learning_rate(once, step % 100)
        assert math.isclose(learning_rate(often, step), wanted, rel_tol=1e-9, abs_tol=1e-12)
    assert learning_rate(often, 1300) == 0.0


def steps_of(optimiser: Optimiser, network: nn.Module, steps: range) -> None:
    for step in steps:
        torch.manual_seed(step)
        optimiser.clear()
        network(torch.randn(8, 3)).square().mean().backward()
        optimiser.update(step, optimiser.gradient_norm())


@pytest.mark.parametrize("kind", ["adamw", "radam"])
def test_an_optimiser_goes_on_bit_for_bit_from_its_tensors(kind) -> None:
    spec = Training(steps=20, warmup=3, clip=0.05, optimiser=kind)
    one, two, three = net(), net(), net()
    steps_of(optimiser_of(one, spec), one, range(12))
    before, after = optimiser_of(two, spec), optimiser_of(three, spec)
    steps_of(before, two, range(5))
    copy_into(three.state_dict(), two.state_dict())
    after.load({k: v.clone() for k, v in before.tensors().items()})
    steps_of(after, three, range(5, 12))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), three.parameters(), strict=True))


@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("beta2", [0.5, 0.95])
@pytest.mark.parametrize("kind", ["adamw", "radam"])
def test_the_updates_are_those_of_the_library(kind, beta2, clip) -> None:
    how = {"clip": clip, "weight_decay": 0.1, "beta2": beta2, "optimiser": kind}
    spec = Training(steps=60, warmup=5, **how)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    copy_into(theirs.state_dict(), ours.state_dict())
    steps_of(optimiser_of(ours, spec), ours, range(60))
    options = {"betas": (0.9, beta2), "weight_decay": 0.1}
    adam: torch.optim.Optimizer = torch.optim.AdamW(theirs.parameters(), **options)
    if kind == "radam":
        adam = torch.optim.RAdam(theirs.parameters(), decoupled_weight_decay=True, **options)
    for step in range(60):
        torch.manual_seed(step)
        adam.zero_grad()
        theirs(torch.randn(8, 3)).square().mean().backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        adam.param_groups[0]["lr"] = learning_rate(spec, step)
        adam.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-7)


@given(st.floats(0.0, 0.9999), st.integers(1, 10**6))
def test_the_rectification_rises_from_nothing_to_one(beta2, count) -> None:
    now, later = rectification(beta2, count), rectification(beta2, count + 1)
    assert 0 <= now <= later + 1e-9 <= 1 + 2e-9
    assert now == 0 or beta2 > 2 / 3  # the longest memory is 2 / (1 - beta2) - 1, and 5 too short
    assert count < 10**5 or beta2 < 0.7 or beta2 > 0.99 or now > 0.999


def test_the_first_update_has_the_size_of_the_rate_whatever_the_gradient_is_cut_to() -> None:
    spec = Training(steps=10, warmup=0, learning_rate=0.1, clip=1e-3)
    network = net()
    before = [p.detach().clone() for p in network.parameters()]
    steps_of(optimiser_of(network, spec), network, range(1))
    moved = max((a - b).abs().max() for a, b in zip(network.parameters(), before, strict=True))
    assert abs(moved - 0.1) < 1e-3


def test_the_gradient_is_cut_to_the_clip_and_zero_turns_that_off() -> None:
    for clip, wanted in ((0.5, 0.5), (0.0, 3.0), (5.0, 3.0)):
        weight = nn.Linear(1, 1, bias=False)
        optimiser = optimiser_of(weight, Training(clip=clip))
        weight.weight.grad = torch.tensor([[3.0]])
        norm = optimiser.gradient_norm()
        assert norm == 3.0
        optimiser.update(0, norm)
        assert math.isclose(weight.weight.grad.item(), wanted, rel_tol=1e-5)


def test_an_optimiser_of_another_network_is_refused() -> None:
    spec = Training(steps=20)
    one = net()
    optimiser = optimiser_of(one, spec)
    steps_of(optimiser, one, range(1))
    with pytest.raises(UserError, match="only the checkpoint has count"):
        optimiser_of(nn.Linear(3, 4), spec).load(optimiser.tensors())


def test_an_average_of_weights_that_stand_still_is_those_weights() -> None:
    network = net()
    averages = Averages(network, (0.5, 0.999))
    for count in range(5):
        averages.update(count)
    for weights in averages.weights.values():
        for key, value in network.state_dict().items():
            assert torch.allclose(weights[key], value, rtol=0, atol=1e-7)


def test_an_average_follows_its_closed_form() -> None:
    network = nn.Linear(1, 1, bias=False)
    averages = Averages(network, (0.9,))
    start = expected = network.weight.item()
    for count in range(200):
        with torch.no_grad():
            network.weight.fill_(start + count)
        averages.update(count)
        decay = min(0.9, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * (start + count)
    assert math.isclose(averages.weights[0.9]["weight"].item(), expected, rel_tol=1e-5)
    # On a ramp an average of rate r ends r / (1 - r) steps behind.
    assert math.isclose(start + 199 - expected, 9.0, rel_tol=1e-3)


def test_counts_are_copied_not_averaged() -> None:
    network = net()
    averages = Averages(network, (0.9,))
    network.train()(torch.randn(8, 3))
    averages.update(0)
    assert averages.weights[0.9]["1.num_batches_tracked"] == 1


def test_weights_that_do_not_fit_are_named_and_nothing_is_copied() -> None:
    target = {"a": torch.zeros(2), "b": torch.zeros(3)}
    for saved, words in (
        ({"a": torch.ones(2)}, "only spec.toml has b"),
        ({"a": torch.ones(2), "b": torch.ones(3), "c": torch.ones(1)}, "only the checkpoint has c"),
        ({"a": torch.ones(2), "b": torch.ones(4)}, r"b has shape \(4,\) instead of \(3,\)"),
    ):
        with pytest.raises(UserError, match=words):
            copy_into(target, saved)
        assert not target["a"].any()


def test_a_device_that_is_not_there_is_one_sentence() -> None:
    assert choose_device("cpu").type == "cpu"
    missing = [d for d, there in (("cuda", torch.cuda.is_available()), ("mps", False)) if not there]
    with pytest.raises(UserError, match=f"no {missing[-1]} device"):
        choose_device(missing[-1])


def test_only_bfloat16_changes_the_numbers() -> None:
    network, x = nn.Linear(64, 64), torch.randn(8, 64)
    for precision, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with autocast(torch.device("cpu"), precision):
            assert network(x).dtype == kind
