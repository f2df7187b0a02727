"""Shipped models have the film of the run that they come from; nothing of it can be written."""

import numpy as np
import pytest

from engine.contract.arrays import unpack
from engine.contract.catalogue import shipped_models
from engine.contract.errors import UserError
from engine.contract.history import History
from engine.contract.journal import Reader
from engine.contract.messages import ReadFilm, ReadJournal, ReadLoss, ReadSpec
from engine.exchange.header import read_header
from engine.hub import files
from engine.hub.starting import parent_of
from engine.hub.workspace import named_model, run_folder, runs_folder

POINTS = "points-spiral"


@pytest.mark.parametrize("name", shipped_models())
def test_every_shipped_model_has_a_film_that_ends_in_it(name, tmp_path):
    header = read_header(named_model(name, tmp_path).path)
    answer = files.film(tmp_path, ReadFilm(1, name))
    assert answer.steps == tuple(sorted({*answer.steps}))
    assert len(answer.steps) >= 4
    assert answer.steps[-1] == header.step
    assert (answer.run.name, answer.run.state) == (name, "finished")
    assert (answer.run.step, answer.run.steps) == (header.step, header.step)
    for step in answer.steps[:-1]:
        assert named_model(f"{name}@{step}", tmp_path) == (run_of(name, tmp_path), True, str(step))
    last = named_model(f"{name}@{header.step}", tmp_path)
    assert last == named_model(name, tmp_path)


@pytest.mark.parametrize("name", shipped_models())
def test_its_curve_and_spec_are_those_of_the_training(name, tmp_path):
    chunk, content = files.journal(tmp_path, ReadJournal(1, name, 0))
    assert chunk.size == len(content)
    history = History()
    for record in Reader().feed(content):
        history.take(record)
    steps, error = history.steps, history.curve("error_diagonal")
    assert (np.diff(steps) > 0).all()
    assert np.isfinite(error).all()
    assert np.median(error[steps > steps[-1] / 2]) < error[0]
    spec = files.spec(tmp_path, ReadSpec(1, name)).spec
    assert spec == read_header(named_model(name, tmp_path).path).spec


def test_the_loss_of_the_newest_step_and_of_a_frame(tmp_path):
    newest, payload = files.loss(tmp_path, ReadLoss(1, POINTS))
    assert newest.step == 4000
    frame, other = files.loss(tmp_path, ReadLoss(1, POINTS, 100))
    assert frame.step == 100
    counts = [unpack(a.arrays, p)["counts"] for a, p in ((newest, payload), (frame, other))]
    assert all(part.sum() > 0 for part in counts)
    assert (counts[0] != counts[1]).any()


def test_a_run_can_start_from_a_frame(tmp_path):
    spec, data = parent_of(f"{POINTS}@100", tmp_path)
    assert (spec.data.name, data.name) == ("spiral", "spiral")


def test_an_unknown_step_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"points-spiral has no checkpoint of step 7; it has 25, "):
        named_model(f"{POINTS}@7", tmp_path)


def test_it_is_no_run_that_could_go_on(tmp_path):
    with pytest.raises(UserError, match="no run"):
        run_folder(POINTS, tmp_path)


def test_a_run_of_the_workspace_with_its_name_goes_before(tmp_path):
    mine = runs_folder(tmp_path) / POINTS
    mine.mkdir(parents=True)
    spec = files.spec(tmp_path, ReadSpec(1, "points-eight-gaussians"))
    assert spec.spec.data.name == "eight-gaussians"
    with pytest.raises(UserError, match="no run"):
        files.film(tmp_path, ReadFilm(1, POINTS))


def run_of(name, workspace):
    found = files.shipped_run(name, workspace)
    assert found is not None
    return found.path
