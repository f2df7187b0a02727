"""From a step of the film to a run that starts there: the button, the form, Start, the curve."""

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt

from engine.contract import messages as m
from engine.contract.schema import Difference
from studio.model.tasks import spawn
from studio.view.train.start_line import summary, told

pytestmark = pytest.mark.gui


@pytest.fixture
def filmed(training, qtbot):
    """The training explored, at its kept step 350; (stage, run)."""
    stage, run = training
    stage.studio.explore_model(run.name)
    qtbot.waitUntil(lambda: len(stage.models.film.steps) == 3 and stage.models.film.can_fork)
    stage.models.film.show(350)
    qtbot.waitUntil(lambda: stage.models.film.step == 350)
    return stage, run


@pytest.fixture
def forked(filmed, qtbot):
    """The form that the button leads to; (stage, run)."""
    stage, run = filmed
    assert stage.window.page_title() == "Explore"
    qtbot.mouseClick(stage.studio.explore.film.fork, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: stage.models.form.changes() is not None)
    return stage, run


def test_the_button_leads_to_the_form(forked):
    stage, run = forked
    line = stage.studio.train.form.origin
    assert stage.window.page_title() == "Train"
    assert stage.models.form.spec == replace(stage.world.specs[run.name], start=f"{run.name}@350")
    assert line.isVisible()
    assert line.name.text() == f"{run.name} at step 350"
    assert line.accessibleDescription().startswith(
        f"Starts from the weights of {run.name} at step 350. All else is as it was"
    )
    assert stage.studio.train.form.start.isEnabled()


def test_the_button_has_a_name_a_tip_and_the_keys(filmed, qtbot):
    button = filmed[0].studio.explore.film.fork
    assert button.accessibleName() == "Fork from here"
    assert "new run from these weights" in button.toolTip()
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: bool(filmed[0].models.form.spec.start))


def test_the_line_lists_what_is_changed(forked):
    stage, _ = forked
    form, line = stage.models.form, stage.studio.train.form.origin
    form.set("training.learning_rate", "0.001")
    form.set("training.steps", "600")
    assert line.differs.text() == "2 changed: Steps, Learning rate"
    assert line.toolTip().splitlines()[1:] == ["Steps: 4000 → 600", "Learning rate: 0.002 → 0.001"]


def test_the_start_can_be_dropped_and_taken_back(forked, qtbot):
    stage, _ = forked
    form, line = stage.models.form, stage.studio.train.form.origin
    start = form.spec.start
    qtbot.mouseClick(line.drop, Qt.MouseButton.LeftButton)
    assert form.spec.start == ""
    assert line.isHidden()
    form.undo()
    assert form.spec.start == start
    assert line.isVisible()


def test_a_network_of_other_weights_turns_start_off_and_says_why(forked):
    stage, run = forked
    stage.models.form.set("network.width", "64")
    reasons = stage.studio.train.form.reasons.texts()
    assert reasons == [
        f"{run.name}@350 has another network: Width 128 instead of 64; set the same here, or "
        "start from new weights."
    ]
    assert not stage.studio.train.form.start.isEnabled()
    stage.studio.train.form.origin.drop.click()
    assert stage.studio.train.form.start.isEnabled()


def test_the_whole_road(forked, qtbot):
    stage, parent = forked
    page, world = stage.studio.train, stage.world
    world.link.on(m.StartRun, lambda r: m.RunAnswer(r.id, world.add_run("child", r.spec)))
    stage.models.form.set("training.steps", "600")
    page.form.start.click()
    qtbot.waitUntil(lambda: stage.models.runs.current.name == "child")
    assert world.link.of(m.StartRun)[-1].spec == stage.models.form.spec
    assert page.head.origin.text() == f"from {parent.name} at step 350"
    qtbot.waitUntil(lambda: "Steps: 4000 → 600" in page.head.origin.tip)
    about = page.head.about  # beside all tools of a run that goes on the method is read whole
    name = about.text().partition(" · ")[0]
    stage.window.resize(1000, 800)
    qtbot.waitUntil(lambda: about.width() >= about.fontMetrics().horizontalAdvance(name))
    assert name
    world.train("child", 100)
    curves = page.curves
    curves.smoothing.setValue(0)

    def behind():
        return curves.plot._behind.getOriginalDataset()

    qtbot.waitUntil(lambda: behind()[0] is not None and len(behind()[0]) == 16)
    before = stage.models.lineage.parent_run
    seen = (before.steps >= 300) & (before.steps <= 450)
    np.testing.assert_array_equal(behind()[0], before.steps[seen] - 350)
    np.testing.assert_array_equal(behind()[1], before.curve(curves.chosen())[seen])
    assert curves.plot._begin.isVisible()
    assert curves.plot._begin.label.format == "its parent at step 350"
    spawn(stage.models.runs.open(parent.name))
    qtbot.waitUntil(lambda: behind()[0] is None or not len(behind()[0]))
    assert not curves.plot._begin.isVisible()
    assert page.head.origin.isHidden()


def test_a_start_that_is_refused_keeps_the_form(forked, qtbot):
    stage, run = forked
    why = f"{run.name} has no checkpoint of step 350; it has 500."
    stage.world.link.on(m.StartRun, lambda r: m.Refused(r.id, why))
    stage.studio.train.form.start.click()
    qtbot.waitUntil(lambda: stage.notices().get("refused") == why)
    assert stage.models.form.spec.start == f"{run.name}@350"


def test_differences_are_said_in_lines():
    found = [Difference(f"a{n}", f"Field {n}", None if n else 1, n) for n in range(25)]
    lines = told(found).splitlines()
    assert lines[1:3] == ["Field 0: 1 → 0", "Field 1: 1"]
    assert lines[-1] == "and 5 more"
    assert len(lines) == 22
    assert summary(found[:2]) == "2 changed: Field 0, Field 1"
    assert told(None) == ""
    assert told([]) == "The same as its parent in all else."
