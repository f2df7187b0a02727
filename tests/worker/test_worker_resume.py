"""A run that was stopped, or killed, and gone on with is the run that never was."""

import json
import random
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from kill_support import STEPS, session, tiny
from msgspec.structs import replace
from session_support import curves, of_kind, stopping_at, tensors, trained, trained_to

from engine.contract.catalogue import METHODS
from engine.contract.journal import Sampled, Sealed, Started, encode_event
from engine.contract.messages import Left
from engine.contract.specs import RunSpec
from engine.runs.checkpoint import newest
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

EVERY = [(m.name, "points") for m in METHODS]
SOME = [("meanflow", "emoji-16"), ("ctm", "emoji-16"), ("cd", "emoji-16")]


def assert_same(run: RunFolder, whole: RunFolder) -> None:
    """Bit for bit: rows, previews, and the files of every checkpoint that both have."""
    ours, theirs = curves(run), curves(whole)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert np.array_equal(ours[name], theirs[name], equal_nan=True), name
    assert of_kind(read_history(run), Sampled) == of_kind(read_history(whole), Sampled)
    names = sorted(path.name for path in whole.samples.iterdir())
    assert sorted(path.name for path in run.samples.iterdir()) == names
    for name in names:
        assert (run.samples / name).read_bytes() == (whole.samples / name).read_bytes(), name
    shared = {*run.checkpoints()} & {*whole.checkpoints()}
    assert STEPS in shared
    for step in shared:
        here, there = run.checkpoint(step), whole.checkpoint(step)
        assert {p.name for p in here.iterdir()} == {p.name for p in there.iterdir()}
        for file in here.glob("*.safetensors"):
            assert file.read_bytes() == (there / file.name).read_bytes(), (step, file.name)
        states = [json.loads((path / "state.json").read_text()) for path in (here, there)]
        for state in states:
            del state["seconds"]
        assert states[0] == states[1]


@pytest.mark.parametrize(("name", "kind"), EVERY + SOME)
def test_twenty_steps_are_ten_and_ten_and_seven_and_six_and_seven(
    name: str, kind: str, tmp_path: Path
) -> None:
    """Of every method, across the border to its student, with its pool and discriminator."""
    spec = tiny(name, kind)
    whole = RunFolder(tmp_path / "whole")
    assert trained(whole, spec) == Left("finished", STEPS)
    for stops in ((10,), (7, 13)):
        run = RunFolder(tmp_path / "-".join(map(str, stops)))
        for start, stop in zip((0, *stops), stops, strict=False):
            assert trained_to(run, None if start else spec, stop) == Left("stopped", stop)
        assert trained(run, None) == Left("finished", STEPS)
        assert_same(run, whole)


@pytest.mark.parametrize("optimiser", ["adamw", "radam"])
@pytest.mark.parametrize("schedule", ["cosine", "linear", "inverse-sqrt", "constant"])
def test_every_optimiser_and_schedule_goes_on_where_it_was(
    optimiser: str, schedule: str, tmp_path: Path
) -> None:
    spec = tiny("fm")
    training = replace(spec.training, optimiser=optimiser, schedule=schedule, hold=6)
    spec = replace(spec, training=training)
    whole, run = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "run")
    trained(whole, spec)
    trained_to(run, spec, 9)
    trained(run, None)
    assert_same(run, whole)


def killed_again_and_again(spec: RunSpec, tmp_path: Path, kills: int, seed: int) -> None:
    """Killed at random moments, it loses nothing that it said it had, and ends up the same."""
    spec = replace(spec, cadence=replace(spec.cadence, save=3, keep=2))
    whole, run = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "run")
    trained(whole, spec)
    moments, died = random.Random(seed), 0
    while died < kills:
        began = run.journal.exists() and run.journal.stat().st_size > 0
        code = session(run.path, None if began else spec, moments.randint(1, 90))
        assert code in (0, -signal.SIGKILL)
        died += code != 0
        if code == 0:
            assert_same(run, whole)
            shutil.rmtree(run.path)  # and once more from its beginning
            continue
        if not run.journal.exists() or not run.journal.stat().st_size:
            shutil.rmtree(run.path, ignore_errors=True)  # it had not begun
            continue
        history = read_history(run)
        assert history.gaps == []
        assert history.steps.tolist() == list(range(1, len(history) + 1))
        sealed = of_kind(history, Sealed)
        found = newest(run)
        assert (found.step if found else 0) >= max(sealed, default=0)
        assert not found or found.damaged == ()
    began = run.journal.exists() and run.journal.stat().st_size > 0
    assert trained(run, None if began else spec) == Left("finished", STEPS)
    assert_same(run, whole)
    assert not list(run.path.rglob(".tmp-*"))


@pytest.mark.parametrize(("name", "kind"), [("cmt", "points"), ("ctm", "emoji-16")])
def test_killed_at_random_moments_it_is_still_the_same_run(
    name: str, kind: str, tmp_path: Path
) -> None:
    killed_again_and_again(tiny(name, kind), tmp_path, kills=8, seed=4)


def test_a_checkpoint_that_the_journal_does_not_tell_of_is_gone_on_from(run, points) -> None:
    """As a kill leaves it between the name of a checkpoint and its record."""
    trained(run, points, *stopping_at(7))
    content = run.journal.read_bytes()
    run.journal.write_bytes(content[: content.index(encode_event(Sealed(7)))])
    assert of_kind(read_history(run), Sealed) == [6]
    found = newest(run)
    assert found is not None
    assert found.step == 7
    assert trained(run, None) == Left("finished", 20)
    assert of_kind(read_history(run), Started) == [0, 7]


@pytest.mark.slow
@pytest.mark.parametrize("name", [m.name for m in METHODS])
def test_killed_at_many_random_moments_every_method_is_still_the_same_run(
    name: str, tmp_path: Path
) -> None:
    killed_again_and_again(tiny(name), tmp_path, kills=25, seed=5)


@pytest.mark.parametrize(
    ("spec", "stops"),
    [("points", (10,)), ("points", (1, 6, 19)), ("pictures", (7, 13))],
    indirect=["spec"],
)
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_never_was(
    run, spec, stops, tmp_path
) -> None:
    whole = RunFolder(tmp_path / "whole")
    trained(whole, spec)
    done = 0
    for stop in stops:
        left = trained(run, None if done else spec, *stopping_at(stop - done))
        assert left == Left("stopped", stop)
        done = stop
    assert trained(run, None) == Left("finished", 20)
    assert curves(run) == curves(whole)
    wanted = tensors(whole)
    for name, group in tensors(run).items():
        assert group.keys() == wanted[name].keys()
        assert all(torch.equal(v, wanted[name][k]) for k, v in group.items()), name
    for sample in whole.samples.iterdir():
        assert (run.samples / sample.name).read_bytes() == sample.read_bytes()
    assert of_kind(read_history(run), Started) == [0, *stops]
    seconds = read_history(run).curve("seconds")
    assert np.all(np.diff(seconds) > 0)


def test_pausing_changes_nothing_and_save_and_sample_work_in_it(run, points, tmp_path) -> None:
    whole = RunFolder(tmp_path / "whole")
    trained(whole, points)
    actions = [None, None, None, "pause", "save", "sample", "pause", None, "continue", "save"]
    assert trained(run, points, *actions).how == "finished"
    assert curves(run) == curves(whole)
    assert of_kind(read_history(run), Sealed) == [3, 4, 6, 12, 18, 20]
    assert of_kind(read_history(run), Sampled) == [3, 5, 10, 15, 20]


def test_a_stop_in_a_pause_and_before_the_first_step_leaves(run, points) -> None:
    assert trained(run, points, "stop") == Left("stopped", 0)
    assert trained(run, None, None, None, "pause", None, "stop") == Left("stopped", 2)
    assert trained(run, None) == Left("finished", 20)
    assert read_history(run).steps.tolist() == list(range(1, 21))


def test_a_finished_run_is_finished_and_a_longer_one_goes_on(run, points) -> None:
    trained(run, points)
    before = tensors(run)
    assert trained(run, None) == Left("finished", 20)
    assert all(torch.equal(v, tensors(run)[n][k]) for n, g in before.items() for k, v in g.items())
    text = run.spec_file.read_text()
    run.spec_file.write_text(text.replace("steps = 20", "steps = 24"))
    assert trained(run, None) == Left("finished", 24)
    assert len(read_history(run)) == 24
