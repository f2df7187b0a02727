"""A checkpoint of another network or method: what differs, and nothing half loaded."""

from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from test_train_methods import built, kept, rows, same, spec_of

from engine.contract.errors import UserError
from engine.contract.specs import MLP
from engine.train.fitting import LINES, check_fits, differences

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def test_what_differs_is_named_file_by_file() -> None:
    wanted = {"a": {"x": torch.zeros(2), "y": torch.zeros(3)}, "b": {"z": torch.zeros(1)}}
    saved = {
        "a": {"x": torch.zeros(2, 2), "w": torch.zeros(1)},
        "c": {},
        "b": {"z": torch.zeros(1, dtype=torch.float64)},
    }
    assert list(differences(wanted, saved)) == [
        "only the checkpoint has a w",
        "a x has shape (2, 2) instead of (2,)",
        "only spec.toml has a y",
        "b z is float64 instead of float32",
        "only the checkpoint has c",
    ]
    assert list(differences(wanted, wanted)) == []
    check_fits(wanted, wanted)


@pytest.mark.parametrize("count", [2, LINES, LINES + 1, 200])
def test_a_long_table_is_cut_and_counted(count: int) -> None:
    group = {"a": {str(k): torch.zeros(1) for k in range(count)}}
    with pytest.raises(UserError) as caught:
        check_fits(group, {"a": {}})
    lines = str(caught.value).splitlines()
    assert "nothing of it was loaded" in lines[0]
    assert len(lines) == 1 + min(count, LINES) + (count > LINES)
    if count > LINES:
        assert lines[-1] == f"  and {count - LINES} more."


@pytest.mark.parametrize("wide", [True, False])
def test_a_checkpoint_of_another_width_changes_no_weight(wide: bool, tmp_path: Path) -> None:
    spec = spec_of("fm", "points")
    other = built(replace(spec, network=MLP(24, 1) if wide else MLP(16, 2)), tmp_path)
    rows(other, 3)
    trainer = built(spec, tmp_path)
    rows(trainer, 2)
    before = kept(trainer)
    with pytest.raises(UserError, match="does not fit") as caught:
        trainer.load(other.tensors(), other.state())
    assert ("(24, " in str(caught.value)) == wide
    assert same(kept(trainer), before)
    assert trainer.step == 2


def test_one_file_that_does_not_fit_keeps_all_others_out(tmp_path: Path) -> None:
    """The model and its averages fit and come first; the optimiser's memory does not."""
    spec = spec_of("fm", "points")
    other, trainer = built(spec, tmp_path), built(replace(spec, seed=3), tmp_path)
    rows(other, 3)
    tensors, state = kept(other), other.state()
    del tensors["optimiser"][next(iter(tensors["optimiser"]))]
    before = kept(trainer)
    with pytest.raises(UserError, match=r"only spec\.toml has optimiser first"):
        trainer.load(tensors, state)
    assert same(kept(trainer), before)


def test_a_checkpoint_of_another_method_is_refused_though_every_shape_fits(tmp_path: Path) -> None:
    consistency, flow = built(spec_of("ct", "points"), tmp_path), spec_of("meanflow", "points")
    flow = replace(flow, network=consistency.spec.network)
    flow = replace(flow, parameterisation=consistency.spec.parameterisation)
    flow = replace(flow, training=replace(flow.training, ema=consistency.spec.training.ema))
    rows(consistency, 2)
    trainer = built(flow, tmp_path)
    tensors = {n: g for n, g in kept(consistency).items() if n != "target"}
    before = kept(trainer)
    with pytest.raises(UserError, match=r"of the method ct, not meanflow; .*--start"):
        trainer.load(tensors, consistency.state())
    assert same(kept(trainer), before)
    state = consistency.state()
    del state["method"]  # as an older version wrote it
    trainer.load(tensors, state)


def test_a_state_of_another_device_is_one_sentence(tmp_path: Path) -> None:
    trainer = built(spec_of("fm", "points"), tmp_path)
    rows(trainer, 2)
    tensors, state = kept(trainer), trainer.state()
    name = next(n for n in tensors["randomness"] if n.startswith("training.") and "glob" not in n)
    tensors["randomness"][name] = torch.zeros(16, dtype=torch.uint8)
    with pytest.raises(UserError, match="another kind of device"):
        built(spec_of("fm", "points"), tmp_path).load(tensors, state)
