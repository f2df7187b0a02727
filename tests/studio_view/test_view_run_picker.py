"""A list of thousands of runs is put into words row by row, as they come into sight."""

import pytest
from msgspec.structs import replace

from engine.contract import messages as m
from studio.view.train import run_picker

pytestmark = pytest.mark.gui
MANY = 1000


@pytest.fixture
def crowded(stage, qtbot, monkeypatch):
    """The studio with a thousand runs; which of them were put into words; (stage, told)."""
    told = []
    state = run_picker.state
    monkeypatch.setattr(run_picker, "state", lambda run: told.append(run.name) or state(run))
    for k in range(MANY):
        stage.world.add_run(f"run-{k:04}")
        stage.world._set(f"run-{k:04}", state="stopped", step=k)
    stage.models.runs._on_opened(None)
    picker = stage.studio.train.head.picker
    qtbot.waitUntil(lambda: picker.count() == MANY)
    return stage, told


def test_only_what_is_in_sight_is_put_into_words(crowded, qtbot):
    stage, told = crowded
    picker = stage.studio.train.head.picker
    assert len(set(told)) <= 1
    assert picker.itemText(3) == "run-0996 · stopped at 996"


def test_news_of_one_run_touches_its_row_alone(crowded, qtbot):
    stage, _ = crowded
    picker, changed = stage.studio.train.head.picker, []
    rows = picker.runs
    rows.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    rows.modelReset.connect(lambda: changed.append("all"))
    info = stage.models.runs.find("run-0500")
    stage.world.link.notice(m.RunChanged(replace(info, state="running")))
    qtbot.waitUntil(lambda: bool(changed))
    row = rows.row("run-0500")
    assert changed == [(row, row)]
    assert picker.itemText(row) == "run-0500 · training"


def test_a_new_run_comes_on_top_and_the_chosen_one_stays_chosen(crowded, qtbot):
    stage, _ = crowded
    picker = stage.studio.train.head.picker
    picker.setCurrentIndex(picker.runs.row("run-0123"))
    picker.activated.emit(picker.currentIndex())
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    assert picker.key() == "run-0123"
    stage.world.link.notice(m.RunChanged(stage.world.add_run("the-newest")))
    qtbot.waitUntil(lambda: picker.count() == MANY + 1)
    assert picker.itemText(0).startswith("the-newest")
    assert picker.key() == "run-0123"
