"""A teacher that a run is given: which are refused, and that the run keeps a copy of its own."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.journal import Noticed
from engine.contract.specs import CD, MLP, Data, RunSpec, Teacher
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.worker.session import train_session


def taught_by(spec: RunSpec, source: Path) -> RunSpec:
    return replace(spec, method=CD(teacher=Teacher(source=str(source))))


@pytest.fixture
def teacher(tmp_path: Path, points: RunSpec) -> Path:
    train_session(tmp_path / "teacher", points, tmp_path, threads=1)
    return tmp_path / "teacher"


def test_a_teacher_of_other_data_is_refused_and_nothing_stays(tmp_path, points, teacher) -> None:
    spec = replace(taught_by(points, teacher), data=Data("two-moons"))
    with pytest.raises(UserError, match=r"learned eight-gaussians; name a teacher of two-moons\."):
        train_session(tmp_path / "student", spec, tmp_path, threads=1)
    assert not (tmp_path / "student").exists()


def test_a_teacher_that_knows_no_velocity_is_refused(tmp_path, points, teacher) -> None:
    train_session(tmp_path / "student", taught_by(points, teacher), tmp_path, threads=1)
    with pytest.raises(UserError, match="knows no velocity"):
        train_session(
            tmp_path / "third", taught_by(points, tmp_path / "student"), tmp_path, threads=1
        )


def test_the_run_goes_on_when_its_teacher_is_gone(tmp_path, points, teacher) -> None:
    stops = iter([None] * 8 + ["stop"])
    spec, run = taught_by(points, teacher), tmp_path / "student"
    left = train_session(run, spec, tmp_path, threads=1, control=lambda: next(stops, None))
    assert left.how == "stopped"
    shutil.rmtree(teacher)
    assert train_session(run, None, tmp_path, threads=1).how == "finished"
    (run / "teacher.safetensors").unlink()
    with pytest.raises(UserError, match=r"^The teacher of this run is not to be had"):
        train_session(run, None, tmp_path, threads=1)


@pytest.mark.parametrize(("width", "start", "told"), [(8, True, 0), (9, True, 1), (9, False, 0)])
def test_a_student_that_cannot_start_from_its_teacher_says_so_once(
    tmp_path, points, teacher, width, start, told
) -> None:
    spec = taught_by(points, teacher)
    wanted = replace(spec.method.teacher, start=start)
    spec = replace(spec, method=CD(teacher=wanted), network=MLP(width, 1))
    stops, said = iter([None] * 8 + ["stop"]), list[str]()
    run = tmp_path / "student"
    how = {"threads": 1, "tell": said.append}
    train_session(run, spec, tmp_path, control=lambda: next(stops, None), **how)
    assert train_session(run, None, tmp_path, **how).how == "finished"
    sentence = "The student starts from new weights: its network is not its teacher's."
    assert said == [sentence] * told
    noticed = [e for e in read_history(RunFolder(run)).events if isinstance(e, Noticed)]
    assert noticed == [Noticed(0, sentence)] * told
    assert RunFolder(run).log.read_text().count(sentence) == told


def test_a_run_that_never_began_takes_its_copy_of_the_teacher_along(tmp_path) -> None:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    (run.path / "teacher.safetensors").write_bytes(b"x")
    run.remove()
    assert not run.path.exists()
