"""The window and its engine: starting, without torch, dead, restarted; leaving while it trains."""

import msgspec
import pytest
from PySide6.QtGui import QGuiApplication

from engine.contract import messages as m
from studio.model.tasks import spawn
from studio.view.about import GET_ENGINE, INSTALL, NO_TORCH
from studio.view.status import training_line

pytestmark = pytest.mark.gui


def test_before_the_engine_answers_the_window_says_so(closed_stage, qtbot):
    stage = closed_stage
    assert stage.window.status.engine.text() == "Engine stopped"
    assert not stage.studio.train.form.start.isEnabled()
    assert stage.studio.train.form.reasons.texts() == ["The engine is not running."]


def test_a_ready_engine_is_named_with_its_machine(stage):
    assert stage.window.status.engine.text() == "Engine ready · cpu · 2 cores"
    assert stage.studio.train.form.start.isEnabled()


def test_without_torch_the_window_works_and_says_how_to_get_it(closed_stage, qtbot):
    stage = closed_stage
    stage.world.link.hello = msgspec.structs.replace(stage.world.link.hello, torch="")
    stage.world.link.open()
    qtbot.waitUntil(lambda: bool(stage.models.catalogue.presets))
    assert stage.notices()["torch"] == GET_ENGINE
    assert "Engine without PyTorch" in stage.window.status.engine.text()
    assert stage.studio.train.form.reasons.texts() == [NO_TORCH]
    assert not stage.act("run.start").isEnabled()
    stage.models.form.set("training.steps", "999")
    assert stage.models.form.spec.training.steps == 999
    stage.window.show_page("Explore")
    assert not stage.world.link.of(m.OpenModel)
    copy, _ = stage.window.notices._shown["torch"].buttons
    copy.click()
    assert QGuiApplication.clipboard().text() == INSTALL
    stage.act("help.engine").trigger()
    stage.world.link.hello = msgspec.structs.replace(stage.world.link.hello, torch="2.13.0")
    stage.window.notices._shown["torch"].buttons[1].click()
    qtbot.waitUntil(lambda: stage.act("run.start").isEnabled())
    assert "torch" not in stage.notices()


def test_a_dead_engine_is_said_and_can_be_started_again(training, qtbot):
    stage, run = training
    qtbot.waitUntil(lambda: "step 500" in stage.window.status.training.text())
    stage.world.link.die("The engine stopped unexpectedly (signal 9).")
    assert stage.notices()["engine"] == "The engine stopped unexpectedly (signal 9)."
    assert stage.window.status.engine.text() == "Engine failed"
    assert stage.window.status.training.text() == ""
    assert not stage.act("run.stop").isEnabled()
    assert "signal 9" in stage.window.log.text.toPlainText()
    stage.window.notices._shown["engine"].buttons[0].click()
    qtbot.waitUntil(lambda: stage.models.engine.state == "ready")
    assert "engine" not in stage.notices()
    assert len(run.steps) == 50


def test_a_failed_training_is_said_with_its_reason(training, qtbot):
    stage, run = training
    stage.window.show_page("Explore")
    info = msgspec.structs.replace(run.info, state="failed", message="The disk is full.")
    stage.world.link.notice(m.RunChanged(info))
    assert stage.notices()[f"failed {run.name}"] == f"{run.name} stopped: The disk is full."
    stage.window.show_page("Train")  # where it stands under the head, and need not be said twice
    assert f"failed {run.name}" not in stage.notices()
    assert stage.studio.train.standing.text.text() == "The disk is full."


def test_the_status_bar_follows_the_training(training, qtbot):
    stage, run = training
    status = stage.window.status.training
    qtbot.waitUntil(lambda: "step 500 of 4,000" in status.text())
    assert status.text() == "Training run-1   step 500 of 4,000   100 it/s   35 s left"
    stage.world.finish(run.name)
    qtbot.waitUntil(lambda: status.text() == "")


@pytest.mark.parametrize(
    ("phase", "rate", "eta", "end"),
    [
        ("loading", 0.0, -1.0, "loading   step 0 of 100   estimating"),
        ("training", 12.0, -1.0, "step 0 of 100   12 it/s   estimating"),
        ("training", 12.0, 250.0, "step 0 of 100   12 it/s   4 min 10 s left"),
    ],
)
def test_a_training_is_estimated_honestly(phase, rate, eta, end):
    assert training_line("A", "running", phase, 0, 100, rate, eta) == f"Training A   {end}"


def answer(stage, text):
    """The button under the question what is to become of what runs."""
    return next(b for b in stage.window.notices._shown["leave"].buttons if b.text() == text)


def test_closing_while_it_trains_asks_inside_the_window(training, qtbot):
    stage, run = training
    stage.window.close()
    assert stage.window.isVisible()
    assert run.name in stage.notices()["leave"]
    answer(stage, "Cancel").click()
    assert stage.window.isVisible()
    assert "leave" not in stage.notices()
    assert not stage.world.actions


def test_stop_and_save_waits_for_the_save_and_closes(training, qtbot):
    stage, run = training
    stage.window.close()
    answer(stage, "Stop and save").click()
    qtbot.waitUntil(lambda: stage.world.actions == [(run.name, "stop")])
    assert stage.window.isVisible()
    stage.world.finish(run.name, "stopped")
    qtbot.waitUntil(lambda: not stage.window.isVisible())


def test_a_paused_training_is_asked_about_too(training, qtbot):
    stage, run = training
    stage.world.finish(run.name, "paused")
    stage.window.close()
    assert stage.window.isVisible()


def test_with_no_training_it_just_closes(stage):
    stage.window.close()
    assert not stage.window.isVisible()


def test_with_a_dead_engine_it_just_closes(training):
    stage, _ = training
    stage.world.link.die()
    stage.window.close()
    assert not stage.window.isVisible()


def test_keep_training_detaches_the_engine_and_closes_at_once(training, qtbot):
    stage, run = training
    stage.window.close()
    assert stage.window.notices._shown["leave"].buttons[0].hasFocus()
    answer(stage, "Keep training in the background").click()
    qtbot.waitUntil(lambda: not stage.window.isVisible())
    assert [asked.on for asked in stage.world.link.of(m.Detach)] == [True]
    assert not stage.world.actions  # nothing is stopped
    assert stage.models.session.kept == [run.name]
    ended = spawn(stage.studio.stop())
    qtbot.waitUntil(ended.done)
    assert stage.world.link.parted


def test_an_engine_that_is_not_detached_is_ended_with_the_window(training, qtbot):
    stage, run = training
    stage.world.finish(run.name)
    stage.window.close()
    ended = spawn(stage.studio.stop())
    qtbot.waitUntil(ended.done)
    assert not stage.world.link.parted


def test_where_it_cannot_live_on_that_is_said_and_the_window_stays(training, qtbot):
    stage, _ = training
    stage.world.link.on(m.Detach, lambda r: m.Refused(r.id, "This system has no such sockets."))
    stage.window.close()
    answer(stage, "Keep training in the background").click()
    qtbot.waitUntil(lambda: "no such sockets" in stage.notices()["leave"])
    assert stage.window.isVisible()
    buttons = stage.window.notices._shown["leave"].buttons
    assert [b.text() for b in buttons] == ["Stop and save", "Cancel"]


def test_what_waits_is_asked_about_too_and_held_where_all_is_to_stop(training, qtbot):
    stage, run = training
    stage.act("run.queue").trigger()
    qtbot.waitUntil(lambda: len(stage.models.queue.waiting) == 1)
    stage.window.close()
    assert "and 1 run waits in the queue" in stage.notices()["leave"]
    answer(stage, "Stop and save").click()
    qtbot.waitUntil(lambda: stage.world.actions == [(run.name, "stop")])
    assert stage.world.held  # else the next would begin where this one stops
    stage.world.finish(run.name, "stopped")
    qtbot.waitUntil(lambda: not stage.window.isVisible())


def test_a_queue_between_two_trainings_is_asked_about_a_held_one_not(training, qtbot):
    stage, run = training
    stage.act("run.queue").trigger()
    qtbot.waitUntil(lambda: len(stage.models.queue.waiting) == 1)
    stage.world.finish(run.name)
    stage.window.close()
    assert stage.notices()["leave"].startswith("1 run waits in the queue.")
    answer(stage, "Cancel").click()
    stage.act("run.hold").trigger()
    qtbot.waitUntil(lambda: stage.models.queue.held)
    stage.window.close()
    assert not stage.window.isVisible()


def test_a_detached_engine_is_told_that_it_may_end_before_all_is_stopped(training, qtbot):
    stage, run = training
    stage.models.engine.detached = True  # as its greeting said
    stage.window.close()
    answer(stage, "Stop and save").click()
    qtbot.waitUntil(lambda: stage.world.actions == [(run.name, "stop")])
    assert [asked.on for asked in stage.world.link.of(m.Detach)] == [False]
    assert not stage.models.engine.detached
    stage.world.finish(run.name, "stopped")
    qtbot.waitUntil(lambda: not stage.window.isVisible())


def test_a_queue_that_cannot_be_held_keeps_no_detached_engine_going(training, qtbot):
    stage, _run = training
    stage.act("run.queue").trigger()
    qtbot.waitUntil(lambda: len(stage.models.queue.waiting) == 1)
    stage.models.engine.detached = True  # as its greeting said
    stage.world.link.on(m.SetQueue, lambda r: m.Refused(r.id, "The disk is full."))
    stage.window.close()
    answer(stage, "Stop and save").click()
    qtbot.waitUntil(lambda: not stage.window.isVisible())
    assert not stage.models.engine.detached  # so that it saves and ends with the window


def test_what_went_on_in_the_background_is_told_once(closed_stage, qtbot):
    stage = closed_stage
    for name in ("one", "two", "three"):
        stage.world.add_run(name)
    stage.world._set("two", state="finished", step=4000)
    stage.world._set("three", state="stopped")  # long ago, and nobody's news
    stage.models.session.kept = ["one", "two", "gone"]
    stage.models.session.run = "one"
    stage.world.link.hello = msgspec.structs.replace(stage.world.link.hello, detached=True)
    spawn(stage.studio.start())
    qtbot.waitUntil(lambda: "kept" in stage.notices())
    assert stage.notices()["kept"] == (
        "Training went on in the background: one is at step 0; two finished at step 4,000."
    )
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    assert stage.models.runs.current.name == "one"
    assert stage.models.session.kept == []
    assert stage.models.engine.detached
    stage.window.notices._shown["kept"].leave()
    stage.world.link.notice(m.RunChanged(stage.world.runs["one"]))
    assert "kept" not in stage.notices()
