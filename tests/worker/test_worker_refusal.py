"""What a session cannot go on from, or begin with: one sentence, and nothing is changed."""

import re
import shutil

import pytest
from msgspec.structs import replace
from session_support import NOWHERE, refused, stopping_at, trained

from engine.contract.errors import UserError
from engine.contract.messages import Left
from engine.contract.specs import CD, CMT, MLP, Data, FlowMatching, Training, Trajectories
from engine.runs import checkpoint
from engine.runs.checkpoint import newest
from engine.runs.folder import RunFolder
from engine.runs.lock import hold
from engine.worker.session import train_session

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def test_bad_input_is_one_sentence_and_leaves_no_folder(run, points) -> None:
    refused(run, None, "is not a run")
    refused(run, replace(points, data=Data("no-such-data")), "There is no data set 'no-such-data'")
    refused(run, replace(points, training=Training(batch=0)), "Batch must be at least 1, not 0")
    refused(run, replace(points, data=Data("emoji-16")), "emoji-16 needs a unet or a dit")
    refused(run, replace(points, device="mps"), "no mps device")


def test_a_run_that_is_there_or_in_use_is_refused_and_left_as_it_is(run, points) -> None:
    trained(run, points)
    refused(run, points, "already holds a run")
    with hold(run):
        refused(run, None, "in use by another process")
    assert newest(run) is not None


def test_a_full_disk_at_the_start_leaves_no_folder(run, points, monkeypatch) -> None:
    usage = checkpoint.shutil.disk_usage("/")
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    refused(run, points, "0 MB left")


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (CD(), "and a checkpoint needs"),
        (CMT(trajectories=Trajectories(20_000)), "and its teacher's trajectories and a checkpoint"),
    ],
)
def test_a_disk_too_small_for_the_student_is_told_before_its_teacher_is_trained(
    run, points, monkeypatch, method, words
) -> None:
    """What the teacher's own first checkpoint takes is there."""
    spec = replace(points, method=method, network=MLP(256, 3))
    usage, disk = checkpoint.shutil.disk_usage("/"), monkeypatch.setattr
    teacher = replace(spec, method=FlowMatching())
    disk(checkpoint.shutil, "disk_usage", lambda path: usage._replace(free=0))
    with pytest.raises(UserError) as caught:
        train_session(run.path, teacher, NOWHERE)
    needed = int(re.findall(r"(\d+) MB;", str(caught.value))[0]) + 1
    disk(checkpoint.shutil, "disk_usage", lambda path: usage._replace(free=needed << 20))
    refused(run, spec, words)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("batch = 8", "batch = 0", "Batch must be at least 1, not 0"),
        ("learning_rate = 0.002", "learning_rate = -1.0", "Learning rate must be at least"),
        ("learning_rate = 0.002", "learning_rate = nan", "Learning rate"),
        ("learning_rate = 0.002", "learning_rate = 1e400", "Learning rate"),
        ("width = 8", "width = 1000000", "Width must be at most"),
        ("warmup = 4", "warmup = 40", "Warm-up must be shorter"),
        ("count = 9", "samples = 9", "samples"),
    ],
)
def test_a_spec_toml_that_somebody_edited_is_checked_again(
    run, points, before, after, words
) -> None:
    """In the form, at the start, and where a run goes on."""
    trained(run, points, *stopping_at(4))
    text = run.spec_file.read_text()
    assert before in text
    run.spec_file.write_text(text.replace(before, after))
    refused(run, None, words)
    run.spec_file.write_text(text)
    assert trained(run, None) == Left("finished", 20)


@pytest.mark.parametrize("root", [False, True])
def test_a_foreign_checkpoint_is_refused_with_a_table_and_changes_nothing(
    run, points, tmp_path, root
) -> None:
    """A wider network's checkpoint, put into the folder by hand, whole as it is."""
    wide = RunFolder(tmp_path / "wide")
    trained(wide, replace(points, network=MLP(16, 2 if root else 1)))
    trained(run, points, *stopping_at(4))
    shutil.copytree(wide.checkpoint(20), run.checkpoint(20))
    there = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match="nothing of it was loaded") as caught:
        trained(run, None)
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert "(16, " in str(caught.value)
    assert lines[-1].startswith("  and ")
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == there
