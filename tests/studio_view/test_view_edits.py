"""Undo and redo act on the page in sight, and on no other."""

import pytest

pytestmark = pytest.mark.gui


def test_each_page_has_a_past_of_its_own(stage, qtbot):
    models, window = stage.models, stage.window
    window.show_page("Train")
    models.form.set("training.steps", 123)
    assert stage.act("edit.undo").isEnabled()
    window.show_page("Explore")
    assert not stage.act("edit.undo").isEnabled()
    before = models.form.spec
    stage.studio.explore.open("points")
    qtbot.waitUntil(lambda: models.explore.states is not None, timeout=10_000)
    assert not stage.act("edit.undo").isEnabled()
    models.past._changed = 0.0  # long ago
    models.explore.set_times(0.4, 0.1)
    assert stage.act("edit.undo").isEnabled()
    stage.act("edit.undo").trigger()
    assert (models.explore.t, models.explore.s) != (0.4, 0.1)
    assert models.form.spec == before
    assert stage.act("edit.redo").isEnabled()
    window.show_page("Train")
    stage.act("edit.undo").trigger()
    assert models.form.spec != before
    assert not stage.act("edit.undo").isEnabled()
