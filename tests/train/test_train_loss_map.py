"""The training loss over (t, s): gathered as a plain loop would, fading, and changing nothing."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from engine.contract.catalogue import presets
from engine.contract.maps import LOSS_HALF_LIFE, LOSS_PARTS
from engine.contract.specs import MLP, Data, FlowMatching, MeanFlow, RunSpec, Training
from engine.data.open import open_data
from engine.objectives.base import Trained
from engine.train.loss_map import LossMap
from engine.train.trainer import Row, Tensors, Trainer

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

CPU = torch.device("cpu")
TRAINING = Training(steps=12, batch=16, warmup=2, ema=(0.9,))
FM = RunSpec(Data("spiral"), FlowMatching(), MLP(width=8, depth=1), training=TRAINING)
MEAN_FLOW = replace(FM, method=MeanFlow(share_off_diagonal=0.25))


def updates(count: int, size: int = 40) -> Iterator[Trained]:
    generator = torch.Generator().manual_seed(3)
    for _ in range(count):
        t, s, error = torch.rand(3, size, generator=generator)
        t[0], s[0] = 1.0, 0.0
        yield Trained(t, s, error)


def trained(spec: RunSpec, steps: int = 12) -> Trainer:
    trainer = Trainer(spec, open_data(spec.data.name, Path("/nowhere")), CPU, threads=1)
    for event in trainer.run():
        if isinstance(event, Row) and event.step == steps:
            break
    return trainer


def held(trainer: Trainer) -> dict[str, torch.Tensor]:
    return trainer.tensors()["loss-map"]


def test_it_is_what_a_plain_loop_gathers() -> None:
    found = LossMap(CPU)
    sums = [[0.0] * LOSS_PARTS for _ in range(LOSS_PARTS)]
    counts = [[0.0] * LOSS_PARTS for _ in range(LOSS_PARTS)]
    for given in updates(30):
        found.add(given)
        for table in (sums, counts):
            for row in table:
                row[:] = [value * 0.5 ** (1 / LOSS_HALF_LIFE) for value in row]
        for t, s, error in zip(*(part.tolist() for part in given), strict=True):
            i, j = (min(int(time * LOSS_PARTS), LOSS_PARTS - 1) for time in (t, s))
            sums[i][j] += error
            counts[i][j] += 1
    tensors = found.tensors()
    torch.testing.assert_close(tensors["sums"], torch.tensor(sums), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(tensors["counts"], torch.tensor(counts), rtol=1e-4, atol=1e-5)
    assert counts[LOSS_PARTS - 1][0] >= 20


def test_a_sample_counts_half_after_the_half_life() -> None:
    found, one = LossMap(CPU), torch.tensor([0.5])
    found.add(Trained(one, one, torch.tensor([8.0])))
    elsewhere = Trained(one, 0 * one, one)
    for _ in range(LOSS_HALF_LIFE):
        found.add(elsewhere)
    middle = LOSS_PARTS // 2
    assert found.tensors()["counts"][middle, middle].item() == pytest.approx(0.5, rel=1e-3)
    assert found.tensors()["sums"][middle, middle].item() == pytest.approx(4.0, rel=1e-3)
    steady = sum(0.5 ** (k / LOSS_HALF_LIFE) for k in range(LOSS_HALF_LIFE))
    assert found.tensors()["counts"][middle, 0].item() == pytest.approx(steady, rel=1e-3)


def test_what_is_not_finite_is_not_counted() -> None:
    found, half = LossMap(CPU), torch.full((4,), 0.5)
    found.add(Trained(half, half, torch.tensor([1.0, math.nan, math.inf, 3e38])))
    assert found.tensors()["counts"].sum() == 1
    assert found.tensors()["sums"].sum() == 1


def test_flow_matching_lies_on_the_diagonal() -> None:
    counts = held(trained(FM))["counts"]
    assert counts.sum() > 0
    assert torch.equal(counts, counts.diag().diag())


def test_mean_flow_lies_below_it_with_the_share_that_was_asked_for() -> None:
    counts = held(trained(MEAN_FLOW))["counts"]
    assert torch.equal(counts, counts.tril())
    share = (counts.sum() - counts.trace()) / counts.sum()
    assert 0.15 < share <= 0.25  # less those whose t and s share a part


@pytest.mark.parametrize("spec", [FM, MEAN_FLOW], ids=["fm", "meanflow"])
def test_weights_are_the_same_with_it_and_without(
    spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = trained(spec).tensors()
    monkeypatch.setattr(LossMap, "add", lambda self, given: None)
    plain = trained(spec).tensors()
    assert plain.pop("loss-map")["counts"].sum() == 0
    assert watched.pop("loss-map")["counts"].sum() > 0
    assert plain.keys() == watched.keys()
    for name, group in plain.items():
        assert all(torch.equal(value, watched[name][key]) for key, value in group.items())


def test_it_goes_on_from_a_checkpoint_as_if_it_had_never_stopped() -> None:
    whole, half = trained(MEAN_FLOW), trained(MEAN_FLOW, 5)
    saved, state = _copied(half.tensors()), half.state()
    other = trained(MEAN_FLOW, 3)
    other.load(saved, state)
    for _ in other.run():
        pass
    for name, value in held(whole).items():
        assert torch.equal(held(other)[name], value)


def test_a_run_of_an_older_version_goes_on_with_an_empty_one() -> None:
    half = trained(FM, 5)
    saved, state = _copied(half.tensors()), half.state()
    del saved["loss-map"]
    other = Trainer(FM, open_data("spiral", Path("/nowhere")), CPU, threads=1)
    other.load(saved, state)
    assert held(other)["counts"].sum() == 0
    for _ in other.run():
        pass
    assert held(other)["counts"].sum().item() == pytest.approx(7 * 16, rel=0.01)


def test_the_students_map_holds_nothing_of_its_teachers() -> None:
    """CD's teacher trains on the diagonal, CD towards s = 0."""
    spec = presets()["points-cd"].spec
    teacher = replace(spec.method.teacher, source="", steps=3)
    spec = replace(
        spec, method=replace(spec.method, teacher=teacher), network=FM.network, training=TRAINING
    )
    assert held(trained(spec, 3))["counts"].trace() > 30
    later = held(trained(spec, 5))["counts"]
    assert later[:, 0].sum() == later.sum() > 0


def _copied(tensors: Tensors) -> Tensors:
    return {name: {k: v.clone() for k, v in group.items()} for name, group in tensors.items()}
