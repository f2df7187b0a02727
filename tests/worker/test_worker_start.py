"""A run that starts from another: refused before anything is written, and then on its own."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.journal import Noticed
from engine.contract.specs import MLP, Data, MeanFlow, RunSpec
from engine.exchange.header import read_header
from engine.explore.models import load_model
from engine.runs.checkpoint import newest
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.runs.summary import summarise
from engine.worker import session
from engine.worker.session import train_session

UNTIMED = {"seconds", "samples_per_second"}


def trained(folder: Path, spec: RunSpec | None, stop: int = -1) -> str:
    """Train, to the end or until so many looks; how it left."""
    script = iter([None] * stop + ["stop"]) if stop >= 0 else iter(())
    control = lambda: next(script, None)  # noqa: E731
    return train_session(folder, spec, folder.parents[1], threads=1, control=control).how


def weights(run: RunFolder) -> dict[str, dict[str, torch.Tensor]]:
    found = newest(run)
    assert found is not None
    return {name: found.tensors(name) for name in found.files()}


def assert_same(one: RunFolder, other: RunFolder) -> None:
    """The same curves, weights and samples."""
    rows = [read_history(run) for run in (one, other)]
    curves = [{n: h.curve(n).tolist() for n in h.columns if n not in UNTIMED} for h in rows]
    assert curves[0] == curves[1]
    wanted = weights(other)
    for name, group in weights(one).items():
        assert all(torch.equal(v, wanted[name][k]) for k, v in group.items()), name
    for sample in other.samples.iterdir():
        assert (one.samples / sample.name).read_bytes() == sample.read_bytes()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where the runs of a workspace lie."""
    return tmp_path / "runs"


@pytest.fixture
def parent(runs: Path, points: RunSpec) -> RunFolder:
    """A run of 20 steps: 18 and 20 are sealed, 6 and 12 are frames of its film."""
    trained(runs / "a", points)
    return RunFolder(runs / "a")


@pytest.mark.parametrize(("start", "step"), [("a@6", 6), ("a@18", 18), ("a", 20)])
def test_it_keeps_the_average_that_is_shown_of_a_frame_and_of_a_checkpoint(
    runs, points, parent, start, step
) -> None:
    child = RunFolder(runs / "b")
    assert trained(child.path, replace(points, start=start, seed=4)) == "finished"
    assert child.spec() == replace(points, start=f"a@{step}", seed=4)
    assert summarise(child).start == f"a@{step}"
    header = read_header(child.start)
    assert (header.spec, header.step, header.ema) == (points, step, 0.99)
    kept = load_model(str(child.start), runs.parent).network.state_dict()
    shown = load_model(f"a@{step}", runs.parent).network.state_dict()
    assert all(torch.equal(v, shown[k]) for k, v in kept.items())
    told = [e.message for e in read_history(child).events if isinstance(e, Noticed)]
    assert told == [f"It starts from the weights of a at step {step}."]


def test_it_begins_with_the_samples_of_its_parent(runs, points, parent) -> None:
    actions = iter(["sample", None, "stop"])
    spec = replace(points, start="a@20")
    control = lambda: next(actions, None)  # noqa: E731
    train_session(runs / "b", spec, runs.parent, threads=1, control=control)
    first = np.load(runs / "b" / "samples" / "000000.npy")
    assert np.array_equal(first, np.load(parent.samples / "000020.npy"))


@pytest.mark.parametrize("stops", [(0,), (3,), (6, 13)])
def test_going_on_equals_never_having_stopped_though_the_parent_is_gone(
    runs, points, parent, stops
) -> None:
    spec = replace(points, start="a@12", method=MeanFlow())
    whole, halted = RunFolder(runs / "whole"), RunFolder(runs / "halted")
    assert trained(whole.path, spec) == "finished"
    done, now = 0, spec
    for stop in stops:
        assert trained(halted.path, now, stop - done) == "stopped"
        done, now = stop, None
        if parent.path.exists():
            shutil.rmtree(parent.path)
    assert trained(halted.path, None) == "finished"
    assert_same(halted, whole)


def test_a_run_that_is_under_way_needs_its_start_no_more(runs, points, parent) -> None:
    spec = replace(points, start="a@12")
    child = RunFolder(runs / "b")
    trained(child.path, spec, 7)
    shutil.rmtree(parent.path)
    child.start.unlink()
    assert trained(child.path, None) == "finished"


def test_a_run_that_never_took_a_step_needs_its_start(runs, points, parent) -> None:
    child = RunFolder(runs / "b")
    trained(child.path, replace(points, start="a@12"), 0)
    shutil.rmtree(parent.path)
    child.start.unlink()
    with pytest.raises(UserError, match=r"^The start of this run is not to be had: There is no"):
        trained(child.path, None)


def test_a_fork_of_a_fork(runs, points, parent) -> None:
    trained(runs / "b", replace(points, start="a"))
    shutil.rmtree(parent.path)
    trained(runs / "c", replace(points, start="b@12", method=MeanFlow()))
    third = RunFolder(runs / "c")
    header = read_header(third.start)
    assert header.spec.start == "a@20"
    assert (third.spec().start, header.step) == ("b@12", 12)
    assert trained(runs / "d", replace(points, start=str(third.start))) == "finished"
    assert RunFolder(runs / "d").spec().start == str(third.start)


REFUSED = {
    "a network": ({"network": MLP(9, 2)}, "a@20 has another network: Width 8 instead of 9, Depth"),
    "no run": ({"start": "aa@20"}, "There is no model 'aa@20'; did you mean 'a'?"),
    "no step": ({"start": "a@7"}, "a has no checkpoint of step 7; it has 6, 12, 18, 20."),
    "pictures": ({"start": "emoji-16-meanflow"}, "emoji-16-meanflow makes samples of 3 x 16 x 16"),
    "no data": ({"data": Data("nowhere")}, "There is no data set 'nowhere' here; import it with "),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    runs, points, parent, changes, words
) -> None:
    before = sorted(runs.rglob("*"))
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        trained(runs / "b", replace(points, **{"start": "a@20", **changes}))
    assert "\n" not in str(caught.value)
    assert sorted(runs.rglob("*")) == before


def test_a_run_without_a_checkpoint_is_no_start(runs, points) -> None:
    RunFolder(runs / "a").create(points)
    with pytest.raises(UserError, match=r"^a has no checkpoint yet; "):
        trained(runs / "b", replace(points, start="a"))
    assert not (runs / "b").exists()


def test_a_run_that_never_began_takes_its_copy_along(runs, points, parent, monkeypatch) -> None:
    def broken(*words: object) -> None:
        assert (runs / "b" / "start.safetensors").exists()
        raise UserError("There is no room.")

    monkeypatch.setattr(session.checkpoint, "check_space", broken)
    with pytest.raises(UserError, match="no room"):
        trained(runs / "b", replace(points, start="a"))
    assert not (runs / "b").exists()


def test_a_spec_that_was_edited_before_the_first_step_is_told_what_differs(
    runs, points, parent
) -> None:
    child = RunFolder(runs / "b")
    trained(child.path, replace(points, start="a"), 0)
    text = child.spec_file.read_text().replace("width = 8", "width = 16")
    child.spec_file.write_text(text)
    with pytest.raises(UserError, match="another network: Width 8 instead of 16;"):
        trained(child.path, None)
