"""The Train page: start, watch, control, go back in the history, resume."""

import io

import numpy as np
import pytest
from fake_world import points_file
from PySide6.QtCore import QPoint, Qt

from engine.contract import messages as m
from engine.contract.journal import Sampled, Started, encode_event, encode_rows
from studio.link.link import Refusal
from studio.model import tasks
from studio.model.tasks import spawn
from studio.view.train import strip as strip_file
from studio.view.train.strip import EACH, KEPT

pytestmark = pytest.mark.gui


def test_nothing_yet_says_what_to_do(stage):
    page = stage.studio.train
    assert page.curves.pages.currentWidget() is page.curves.empty
    assert page.samples.pages.currentWidget() is page.samples.empty
    assert page.figures.step.value.text() == "–"
    assert page.head.picker.placeholderText() == "No run yet"
    assert not page.head.picker.isEnabled()


def test_start_sends_the_form_once(stage, qtbot):
    stage.models.form.set("training.steps", "777")
    stage.world.link.hold()
    stage.studio.train.form.start.click()
    assert stage.studio.train.form.start.text().strip() == "Starting…"
    stage.act("run.start").trigger()
    qtbot.waitUntil(lambda: bool(stage.world.link.of(m.StartRun)))
    stage.world.link.release()
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    assert [asked.spec for asked in stage.world.link.of(m.StartRun)] == [stage.models.form.spec]
    assert stage.studio.train.head.state.text() == "training"
    assert stage.models.session.recent == ["run-1"]


def test_a_refused_start_is_said_and_loses_nothing(stage, qtbot):
    def refuse(request):
        return m.Refused(request.id, "The disk is full: free some space and start again.")

    stage.world.link.on(m.StartRun, refuse)
    spec = stage.models.form.spec
    stage.act("run.start").trigger()
    qtbot.waitUntil(lambda: "refused" in stage.notices())
    assert stage.notices()["refused"] == "The disk is full: free some space and start again."
    assert stage.models.form.spec == spec
    assert stage.act("run.start").isEnabled()


def test_figures_tell_the_run(training, qtbot):
    stage, _ = training
    figures = stage.studio.train.figures
    qtbot.waitUntil(lambda: figures.step.value.text() == "500")
    assert figures.step.detail.text() == "of 4,000"
    assert figures.progress.value() == 125
    assert figures.speed.value.text() == "100 it/s"
    assert figures.left.value.text() == "35 s"


def test_the_curve_is_that_of_the_journal(training, qtbot):
    stage, run = training
    curves = stage.studio.train.curves
    qtbot.waitUntil(lambda: curves.pages.currentWidget() is curves.plot)
    assert curves.chosen() == "error"
    curves.smoothing.setValue(0)
    qtbot.waitUntil(lambda: curves.readout.text().partition(" at ")[2].startswith("step 500"))
    x, y = curves.plot._line.getOriginalDataset()
    np.testing.assert_array_equal(x, run.steps)
    np.testing.assert_array_equal(y, run.curve("error"))


def test_the_cross_hair_reads_the_row_under_the_cursor(training, qtbot):
    stage, _run = training
    curves = stage.studio.train.curves
    qtbot.waitUntil(lambda: curves.readout.text().partition(" at ")[2].startswith("step 500"))
    curves.plot.pointed.emit(3)
    assert curves.readout.text().partition(" at ")[2].startswith("step 40")
    assert curves.plot._hair.isVisible()
    curves.plot.pointed.emit(-1)
    assert not curves.plot._hair.isVisible()
    assert curves.readout.text().partition(" at ")[2].startswith("step 500")


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm(training, qtbot):
    stage, run = training
    curves = stage.studio.train.curves
    qtbot.waitUntil(lambda: curves.pages.currentWidget() is curves.plot)
    below = np.array([[600.0, -1.0, -0.5, 0.0], [610.0, 1.0, 0.5, 0.0]])
    stage.world.journals[run.name] += encode_rows(below)
    stage.world.link.notice(stage.world.progress(run.name))
    qtbot.waitUntil(lambda: len(run.steps) == 52)
    curves.smoothing.setValue(0)
    curves.log.setChecked(True)
    qtbot.waitUntil(lambda: len(curves.plot._line.getOriginalDataset()[0]) == 52)
    _, drawn = curves.plot._line.getOriginalDataset()
    assert np.isnan(drawn[50])
    assert (drawn[np.isfinite(drawn)] > 0).all()
    assert curves.plot.getPlotItem().getAxis("left").logMode


def test_a_long_run_is_drawn_by_the_pixel_and_all_of_it_until_a_hand_moves_it(training, qtbot):
    stage, run = training
    curves = stage.studio.train.curves
    at = np.arange(501, 60_501, dtype=np.float64)
    rows = np.stack([at, 1 / at, np.sin(at), 0 * at], 1)
    rows[30_000, 2] = 9.0  # one row in a pixel of many
    stage.world.journals[run.name] += encode_rows(rows)
    stage.world.link.notice(stage.world.progress(run.name))
    plot, curves_drawn = curves.plot, curves.plot._line.getOriginalDataset
    curves.smoothing.setValue(0)
    qtbot.waitUntil(lambda: curves._strand is not None and len(curves._strand.steps) > 60_000)
    qtbot.waitUntil(lambda: curves_drawn()[0] is not None and curves_drawn()[0][-1] > 60_400)
    pixels = plot.getViewBox().width()
    assert len(curves_drawn()[0]) <= 2 * pixels + 6
    assert np.nanmax(curves_drawn()[1]) == 9.0
    left, right = plot.viewRange()[0]
    assert left <= 10
    assert right >= 60_500
    plot.getViewBox().scaleBy(x=0.01)  # as the wheel does, which also says who it was
    plot.getViewBox().sigRangeChangedManually.emit([True, False])
    seen = plot.viewRange()[0]
    steps = curves_drawn()[0]
    assert len(steps) <= seen[1] - seen[0] + 4
    more = rows + np.array([60_000.0, 0, 0, 0])
    stage.world.journals[run.name] += encode_rows(more)
    stage.world.link.notice(stage.world.progress(run.name))
    qtbot.waitUntil(lambda: curves._strand is not None and len(curves._strand.steps) > 120_000)
    assert plot.viewRange()[0] == seen
    plot.fit()
    assert plot.viewRange()[0][1] >= 120_500


def test_another_metric_can_be_chosen(training, qtbot):
    stage, _run = training
    curves = stage.studio.train.curves
    qtbot.waitUntil(lambda: curves.series.count() == 3)
    curves.series.setCurrentIndex(curves.series.findData("loss"))
    curves.series.activated.emit(curves.series.currentIndex())
    assert curves.chosen() == "loss"
    assert curves.readout.text().partition(" at ")[2].startswith("step 500")


def test_samples_show_the_newest_and_arrow_keys_go_back(training, qtbot):
    stage, _ = training
    samples = stage.studio.train.samples
    qtbot.waitUntil(lambda: samples.where.text() == "step 500 of 4,000 · newest")
    assert samples.pages.currentWidget() is samples.scatter
    samples.slider.setFocus()
    qtbot.keyClick(samples.slider, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: samples.where.text() == "step 350 of 4,000")
    qtbot.keyClick(samples.slider, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: samples.where.text() == "step 200 of 4,000")
    assert not samples.back.isEnabled()


def test_who_looks_at_the_past_is_left_there(training, qtbot):
    stage, run = training
    samples = stage.studio.train.samples
    samples.back.click()
    qtbot.waitUntil(lambda: samples.where.text() == "step 350 of 4,000")
    stage.world.train(run.name, 100)
    qtbot.waitUntil(lambda: samples.slider.maximum() == 3)
    assert samples.where.text() == "step 350 of 4,000"
    qtbot.keyClick(samples.slider, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: samples.where.text() == "step 600 of 4,000 · newest")


def test_pictures_are_shown_as_pictures_and_keys_still_go_through_time(stage, qtbot):
    stage.models.form.choose_preset("emoji-16-meanflow")
    stage.act("run.start").trigger()
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    for _ in range(2):
        stage.world.train("run-1", 100)
    samples = stage.studio.train.samples
    qtbot.waitUntil(lambda: samples.where.text().startswith("step 200"))
    assert samples.pages.currentWidget() is samples.grid
    samples.grid.setFocus()
    qtbot.keyClick(samples.grid, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: samples.where.text().startswith("step 100"))


def test_ten_thousand_previews_are_a_strip_of_which_only_what_is_seen_is_loaded(training, qtbot):
    stage, run = training
    strip = stage.studio.train.samples.strip
    names = [f"{step:06}.npy" for step in range(1000, 1000 + 10_000)]
    stage.world.samples |= dict.fromkeys(names, stage.world.samples["000500.npy"])
    stage.world.journals[run.name] += b"".join(
        encode_event(Sampled(int(name[:6]), name)) for name in names
    )
    stage.window.resize(1280, 1000)
    stage.world.link.notice(stage.world.progress(run.name))
    qtbot.waitUntil(lambda: len(strip.samples) == 10_003)
    assert strip.isVisible()
    for place in (0, 5000, 9000):
        strip.show_row(place)
        assert place in strip.seen()
        qtbot.waitUntil(
            lambda: all(strip.samples[row].file in strip.thumbnails for row in strip.seen())
        )
    screen = strip.viewport().width() / EACH + 2
    asked = {request.file for request in stage.world.link.of(m.ReadSample)}
    assert len(asked) <= 5 * screen
    assert len(strip.thumbnails) <= KEPT


def test_the_strip_forgets_thumbnails_that_were_seen_long_ago(training, qtbot, monkeypatch):
    stage, _run = training
    monkeypatch.setattr(strip_file, "KEPT", 2)
    strip = stage.studio.train.samples.strip
    strip.setFixedHeight(0)  # or it would ask for them again
    qtbot.waitUntil(lambda: not tasks.running())
    strip.thumbnails.clear()
    for row in range(3):
        spawn(strip.load(row))
    qtbot.waitUntil(lambda: not tasks.running())
    assert len(strip.thumbnails) == 2


def test_a_click_on_the_strip_chooses_and_the_slider_marks(training, qtbot):
    stage, _run = training
    samples = stage.studio.train.samples
    stage.window.resize(1280, 1000)
    qtbot.waitUntil(lambda: len(samples.strip.samples) == 3 and samples.strip.isVisible())
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(samples.strip.viewport(), left, pos=QPoint(EACH // 2, EACH // 2))
    qtbot.waitUntil(lambda: samples.where.text() == "step 200 of 4,000")
    qtbot.mouseClick(samples.strip.viewport(), left, pos=QPoint(8 * EACH, EACH // 2))  # beside it
    assert samples.slider.value() == 0
    samples.slider.setValue(1)
    assert samples.strip.current == 1
    assert samples.strip.accessibleDescription() == "step 350"


def test_what_was_taken_back_leaves_the_strip(training, qtbot):
    stage, run = training
    strip = stage.studio.train.samples.strip
    qtbot.waitUntil(lambda: len(strip.samples) == 3)
    stage.world.journals[run.name] += encode_event(Started(250, 1.0, "cpu", 1, "0.1.0"))
    stage.world.link.notice(stage.world.progress(run.name))
    qtbot.waitUntil(lambda: len(strip.samples) == 1 and strip.current == 0)


def test_the_strip_shows_a_damaged_preview_empty_and_goes_on(training, qtbot):
    stage, run = training
    strip = stage.studio.train.samples.strip
    stage.window.resize(1280, 1000)
    qtbot.waitUntil(lambda: len(strip.thumbnails) == 3 and not tasks.running())
    stage.world.samples["000200.npy"] = b"torn"
    run._pictures.clear()
    strip.thumbnails.clear()
    strip.refresh()
    qtbot.waitUntil(lambda: len(strip.thumbnails) == 3)
    assert strip.thumbnails["000200.npy"] is strip._blank
    assert strip.thumbnails["000500.npy"] is not strip._blank


def test_a_damaged_preview_is_said(training, qtbot):
    stage, run = training
    samples = stage.studio.train.samples
    qtbot.waitUntil(lambda: samples.where.text().startswith("step 500") and not tasks.running())
    stage.world.samples["000350.npy"] = b"torn"
    run._pictures.clear()  # the strip may have fetched it whole
    samples.back.click()
    qtbot.waitUntil(lambda: "damaged" in stage.notices().get("refused", ""))


def test_controls_ask_for_what_they_say(training, qtbot):
    stage, _run = training
    for name in ("save", "sample", "pause", "stop"):
        stage.act(f"run.{name}").trigger()
    qtbot.waitUntil(lambda: len(stage.world.actions) == 4)
    assert [action for _, action in stage.world.actions] == ["save", "sample", "pause", "stop"]


def test_pause_becomes_continue_and_back(training, qtbot):
    stage, run = training
    stage.world.finish(run.name, "paused")
    qtbot.waitUntil(lambda: stage.act("run.pause").iconText() == "Continue")
    qtbot.waitUntil(lambda: stage.studio.train.figures.left.value.text() == "paused")
    stage.act("run.pause").trigger()
    qtbot.waitUntil(lambda: stage.world.actions == [(run.name, "continue")])


def test_a_stopped_run_can_be_resumed_a_finished_one_not(training, qtbot):
    stage, run = training
    assert not stage.act("run.resume").isEnabled()
    stage.world.finish(run.name, "stopped")
    qtbot.waitUntil(stage.act("run.resume").isEnabled)
    assert not stage.act("run.stop").isEnabled()
    stage.act("run.resume").trigger()
    qtbot.waitUntil(lambda: stage.models.runs.current.info.state == "running")
    assert stage.act("run.stop").isEnabled()
    stage.world.finish(run.name, "finished")
    qtbot.waitUntil(lambda: not stage.act("run.stop").isEnabled())
    assert not stage.act("run.resume").isEnabled()


def test_the_picker_looks_at_an_older_run(training, qtbot):
    stage, run = training
    stage.world.finish(run.name)
    info = stage.world.add_run("second")
    stage.world.link.notice(m.RunChanged(info))
    picker = stage.studio.train.head.picker
    qtbot.waitUntil(lambda: picker.count() == 2)
    picker.setCurrentIndex(picker.findData("second"))
    picker.activated.emit(picker.currentIndex())
    qtbot.waitUntil(lambda: stage.models.runs.current.name == "second")
    page = stage.studio.train
    assert page.samples.pages.currentWidget() is page.samples.empty
    qtbot.waitUntil(lambda: page.figures.step.value.text() == "0")


def test_an_error_of_the_link_reaches_the_page(stage, qtbot):
    async def fail(spec, name=""):
        raise Refusal("No.")

    stage.models.runs.start = fail
    stage.act("run.start").trigger()
    qtbot.waitUntil(lambda: stage.notices().get("refused") == "No.")


@pytest.mark.parametrize("width", [1280, 1920])
def test_wide_windows_put_curve_and_samples_side_by_side(stage, width):
    stage.window.resize(width, 900)
    stage.window.grab()
    wanted = Qt.Orientation.Horizontal if width > 1600 else Qt.Orientation.Vertical
    assert stage.studio.train.split.orientation() == wanted


@pytest.mark.parametrize("size", [(1280, 800), (1788, 1000), (1920, 1080)])
def test_the_read_out_of_the_curve_is_whole(dressed, training, qtbot, size):
    stage, _ = training
    readout = stage.studio.train.curves.readout
    stage.window.resize(*size)
    readout.setText("2.406 at step 300   raw 2.593")
    wanted = readout.fontMetrics().horizontalAdvance(readout.text())
    qtbot.waitUntil(lambda: readout.width() >= wanted)


def test_a_step_that_is_drawn_again_after_a_way_back_is_shown_as_it_is_now(training, qtbot):
    stage, run = training
    samples, file = stage.studio.train.samples, run.samples[-1].file
    strip, shown = samples.strip, []
    stage.window.resize(1280, 1000)
    qtbot.waitUntil(lambda: len(strip.thumbnails) == 3 and not tasks.running())
    before = strip.thumbnails[file]
    samples.scatter.show_points = lambda points, anew: shown.append(points)
    stage.world.samples[file] = points_file(77)
    stage.world.journals[run.name] += encode_event(Started(350, 0.0, "cpu", 1, "0.1.0", 1234))
    stage.world.journals[run.name] += encode_event(Sampled(500, file))
    stage.world.link.notice(stage.world.progress(run.name))
    qtbot.waitUntil(lambda: bool(shown))
    assert np.array_equal(shown[-1], np.load(io.BytesIO(points_file(77))))
    qtbot.waitUntil(lambda: strip.thumbnails.get(file, before) != before)
