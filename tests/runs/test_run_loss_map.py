"""The training loss over (t, s) on disk: with checkpoints, in the film, and live."""

import numpy as np
import pytest
import torch

from engine.contract.maps import LOSS_PARTS
from engine.contract.specs import MLP, Data, MeanFlow, RunSpec
from engine.runs import loss_map
from engine.runs.checkpoint import newest, prune, seal
from engine.runs.errors import RunError
from engine.runs.film import Film, cut
from engine.runs.folder import RunFolder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create(RunSpec(Data("spiral"), MeanFlow(), MLP()))
    return folder


def tensors(step):
    full = torch.full((LOSS_PARTS, LOSS_PARTS), float(step))
    return {"sums": full, "counts": 2 * full}


def arrays(step):
    return {name: value.numpy() for name, value in tensors(step).items()}


def sealed(run, *steps, film=5):
    for step in steps:
        groups = {"ema-0.99": {"w": torch.ones(3)}, "loss-map": tensors(step)}
        seal(run, step, groups, {"step": step})
        prune(run, 2, Film(run, "ema-0.99.safetensors", film).keep)


def test_each_kept_step_has_its_own(run):
    sealed(run, 100, 200, 300, 400)
    assert (run.frames(), run.checkpoints()) == ([100, 200], [300, 400])
    for step in (100, 200, 300, 400):
        found = loss_map.read(run, step)
        assert (found.step, found.sums[0, 0], found.counts[3, 4]) == (step, step, 2 * step)
    assert loss_map.read(run).step == 400


def test_what_is_thinned_or_taken_back_takes_its_map_with_it(run):
    sealed(run, *range(100, 1301, 100), film=4)
    kept = [run.loss_map(step).is_file() for step in range(100, 1301, 100)]
    assert sum(kept) == len(run.frames()) == 4
    cut(run, 100)
    left = [path.name for path in run.frame(0).parent.iterdir()]
    assert sorted(left) == ["000100-loss-map.safetensors", "000100.safetensors"]


def test_a_frame_of_an_older_version_has_none_and_says_so(run):
    for step in (100, 200, 300):
        seal(run, step, {"ema-0.99": {"w": torch.ones(3)}}, {"step": step})
        prune(run, 2, Film(run, "ema-0.99.safetensors", 5).keep)
    assert run.frames() == [100]
    for step in (-1, 100, 200):
        with pytest.raises(RunError, match="no map of its training loss"):
            loss_map.read(run, step)


def test_the_live_one_counts_while_it_is_newer(run, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(loss_map.time, "monotonic", lambda: clock[0])
    live = loss_map.Live(run)
    live.tell(10, lambda: arrays(10))
    with pytest.raises(RunError):
        loss_map.read(run)
    clock[0] += loss_map.EVERY
    live.tell(50, lambda: arrays(50))
    assert loss_map.read(run).step == 50
    sealed(run, 100)
    assert loss_map.read(run).step == 100
    clock[0] += loss_map.EVERY
    live.tell(130, lambda: arrays(130))
    found = loss_map.read(run)
    assert found.step == 130
    assert np.array_equal(found.counts, arrays(130)["counts"])
    assert loss_map.read(run, 100).step == 100
    loss_map.Live(run)  # gone on from a checkpoint
    assert loss_map.read(run).step == 100
    clock[0] += loss_map.EVERY
    live.tell(150, lambda: arrays(150))
    live.forget()  # the last checkpoint holds it
    assert not run.live_loss_map.exists()


def test_it_is_not_gathered_more_often_than_written(run, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(loss_map.time, "monotonic", lambda: clock[0])
    live, asked = loss_map.Live(run), []
    for step in range(100):
        clock[0] += loss_map.EVERY / 10
        live.tell(step, lambda step=step: asked.append(step) or arrays(step))
    assert 9 <= len(asked) <= 10


def test_a_disk_that_refuses_costs_nothing_else(run, monkeypatch):
    monkeypatch.setattr(loss_map, "EVERY", 0.0)
    live = loss_map.Live(run)
    run.live_loss_map.mkdir()
    live.tell(1, lambda: arrays(1))
    with pytest.raises(RunError):
        loss_map.read(run)


@pytest.mark.parametrize("damage", [b"", b"nonsense", "cut", "other"])
def test_a_damaged_one_is_none(run, damage):
    sealed(run, 100)
    assert newest(run) is not None
    path = run.checkpoint(100) / "loss-map.safetensors"
    whole = path.read_bytes()
    small = {"sums": np.ones((2, 2), np.float32), "counts": np.ones((2, 2), np.float32)}
    known = {"cut": whole[:-9], "other": loss_map.save(small)}
    path.write_bytes(damage if isinstance(damage, bytes) else known[damage])
    with pytest.raises(RunError, match="no map of its training loss"):
        loss_map.read(run, 100)
