"""The page as a whole: models come and go, keys work, faults stay small, exports arrive."""

import json

import numpy as np
import pytest
from fake_world import FakeWorld
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QFileDialog, QWidget
from staged_explore import PICTURES, POINTS, NoCatalogue, NoRuns, closer_of

from engine.contract.messages import RunInfo
from studio.model.catalogue_model import CatalogueModel
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.exploring import Exploring
from studio.model.field_model import FieldModel
from studio.model.film_model import FilmModel
from studio.model.held_model import HeldModel
from studio.model.map_model import MapModel
from studio.model.quality_model import QualityModel
from studio.model.runs_model import RunsModel
from studio.model.schedule_model import ScheduleModel
from studio.model.step_model import StepModel
from studio.view.explore.export_choice import Choice
from studio.view.explore.model_picker import ModelPicker
from studio.view.explore.page import ExplorePage
from studio.view.explore.times import BADGES

pytestmark = pytest.mark.gui
TIMEOUT = 20_000


def test_without_a_model_it_says_what_to_do(page):
    assert page.middle.currentWidget() is page.empty
    assert "Choose a model" in page.empty.text.text()
    page.export()
    assert "nothing to export" in page.notices.texts()["problem"]


def test_the_middle_is_what_the_model_makes(page, explore):
    explore.show(PICTURES)
    assert page.middle.currentWidget() is page.pictures
    assert explore.source.count == 16
    explore.show(POINTS)
    assert page.middle.currentWidget() is page.particles
    assert explore.source.count == 2048
    explore.show(PICTURES)
    assert explore.source.count == 16


def test_the_card_says_what_the_jump_says(points, explore, qtbot):
    explore.set_times(0.8, 0.2)
    points.jump.read()
    numbers, facts = points.jump.numbers, points.jump.facts
    states = explore.states
    exact = explore.trace.exact_x_s
    assert numbers.text("error against exact") == "0.050"  # each coordinate is 0.05 off
    assert float(numbers.text("doing nothing")) == pytest.approx(
        np.sqrt(np.mean((states.x_t - exact) ** 2)), abs=6e-4
    )
    assert numbers.text("in the engine") == "4.1 ms"
    assert facts.text("step") == "4,000"
    assert facts.text("EMA") == "0.995"
    assert points.jump.badge.text() == "flow map"
    assert points.jump.badge.toolTip() == BADGES["flow map"]
    explore.show(PICTURES)
    assert not points.jump.numbers._values["doing nothing"][0].isVisibleTo(points)


@pytest.mark.parametrize(
    ("keys", "t", "s"), [("[", 0.49, 0.3), ("]", 0.51, 0.3), ("{", 0.5, 0.29), ("}", 0.5, 0.31)]
)
def test_brackets_move_the_times_from_anywhere(pictures, explore, keys, t, s):
    explore.set_times(0.5, 0.3)
    pictures.pictures.end.setFocus()
    QTest.keyClicks(pictures.pictures.end, keys)
    assert (explore.t, explore.s) == (t, s)


def test_r_and_shift_r_and_space(pictures, explore):
    pictures.where.pad.setFocus()
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_R)
    seed = explore.source.seed
    assert seed != 0
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    assert explore.source.seed == 0
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_Space)
    assert explore.playing
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_Space)
    assert not explore.playing


def test_space_on_a_button_presses_the_button(pictures, explore):
    button = pictures.where.source.kinds["data"]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert explore.source.kind == "data"
    assert not explore.playing


def test_letters_are_typed_where_one_types(pictures, explore):
    box = pictures.where.source.seed
    box.setFocus()
    QTest.keyClicks(box, "r12")
    assert explore.source.seed == 0  # neither a new seed nor one half typed
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert explore.source.seed == 120


def test_exact_paths_of_another_jump_are_not_shown(points, explore, qtbot):
    plot, older = points.particles.plot, explore.trace
    names = lambda: {layer.name for layer in plot.layers()}  # noqa: E731
    assert "exact" in names()
    explore.paths = lambda: older  # as if the engine had not come to it yet
    explore.set_times(0.6, 0.1)
    assert "exact" in names()  # for a moment, so that nothing flickers
    qtbot.waitUntil(lambda: "exact" not in names(), timeout=TIMEOUT)
    assert names() == {"start", "learned"}
    points.jump.read()
    assert points.jump.numbers.text("error against exact") == "–"
    del explore.paths
    explore.set_times(0.6, 0.2)
    assert "exact" in names()


def test_paths_of_other_samples_are_not_shown(points, explore, qtbot):
    older = explore.trace
    explore.paths = lambda: older
    explore.trace_changed.disconnect()  # the engine has not answered yet
    points.where.source.new_seed()
    plot = points.particles.plot
    qtbot.waitUntil(lambda: len(plot.layers()) == 2, timeout=TIMEOUT)


def test_every_widget_that_takes_keys_has_a_name(points, explore):
    explore.show(PICTURES)
    explore.show(POINTS)
    for widget in points.findChildren(QWidget):
        inside = isinstance(widget.parent(), QAbstractSpinBox)  # has the name of its box
        takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not inside
        if takes and widget.isVisibleTo(points):
            face = QAccessible.queryAccessibleInterface(widget)
            assert face.text(QAccessible.Text.Name), widget
    for button in points.findChildren(QAbstractButton):
        assert button.accessibleName() or button.text(), button


def test_the_keys_go_through_the_page_and_begin_at_the_pad(points):
    points.activateWindow()
    seen = []
    for _ in range(60):
        seen.append(QApplication.focusWidget())
        QTest.keyClick(seen[-1], Qt.Key.Key_Tab)
    assert seen[0] is points.where.pad
    for widget in (points.picker, points.where.play, points.where.source.seed, points.where.steps):
        assert widget in seen


def test_the_theme_changes_everything_that_is_painted(points, theme):
    dark = points.grab().toImage()
    theme.set("light")
    light = points.grab().toImage()
    theme.set("dark")
    places = (QPoint(60, 150), QPoint(700, 300), QPoint(1100, 500), QPoint(700, 20))
    assert all(dark.pixelColor(p).lightness() < 90 for p in places)
    assert all(light.pixelColor(p).lightness() > 150 for p in places)


def test_a_small_window_keeps_the_pictures(points, qtbot):
    points.resize(888, 480)
    qtbot.waitUntil(lambda: not points.jump.isVisible(), timeout=TIMEOUT)
    assert points.particles.plot.width() >= 200
    points.resize(1700, 900)
    qtbot.waitUntil(lambda: points.jump.isVisible(), timeout=TIMEOUT)
    assert points.where.pad.width() > 300


def test_the_picker_lists_models_and_runs(qtbot, explore, theme):
    info = RunInfo("run-1", "MeanFlow", "meanflow", "emoji-16", "images", "running", 900, 4000)
    saved = RunInfo("run-2", "FM", "fm", "rings", "points", "stopped", 900, 4000, checkpoint=500)
    picker = ModelPicker(explore, NoCatalogue(), NoRuns([info, saved]), theme)
    qtbot.addWidget(picker)
    picker.menu_of_models.fill()
    texts = {a.text(): a for a in picker.menu_of_models.actions() if a.text()}
    fresh = next(a for t, a in texts.items() if "emoji-16 · no checkpoint yet" in t)
    ready = next(a for t, a in texts.items() if "step 500" in t)
    assert not fresh.isEnabled()
    with qtbot.waitSignal(picker.chosen) as chosen:
        ready.trigger()
    assert chosen.args == ["run-2"]
    with qtbot.waitSignal(picker.chosen) as chosen:
        texts["emoji-16-meanflow"].trigger()
    assert chosen.args == ["emoji-16-meanflow"]


def test_a_model_file_is_asked_for_without_blocking(page, qtbot, qt_loop):
    page.picker.menu_of_models.choose_file()
    dialog = page.findChild(QFileDialog)
    with qtbot.waitSignal(page.picker.chosen) as chosen:
        dialog.fileSelected.emit("/somewhere/model.safetensors")
    assert chosen.args == ["/somewhere/model.safetensors"]
    dialog.reject()


def test_a_refused_model_is_a_sentence_and_the_old_one_stays(page, explore, qtbot, qt_loop):
    page.open("eight-gaussians-meanflow")
    qtbot.waitUntil(lambda: explore.model is POINTS, timeout=TIMEOUT)
    explore.fault = "There is no model 'nothing'."
    page.open("nothing")
    qtbot.waitUntil(lambda: bool(page.notices.texts()), timeout=TIMEOUT)
    assert page.notices.texts()["problem"] == explore.fault
    assert page.middle.currentWidget() is page.particles
    explore.set_times(0.3, 0.1)
    assert "0.300" in page.particles.line.text()
    assert "Opening" not in page.picker.accessibleName()
    explore.fault = ""
    page.open("emoji-16-meanflow")
    qtbot.waitUntil(lambda: explore.model is PICTURES, timeout=TIMEOUT)
    assert not page.notices.texts()


def test_the_same_fault_again_does_not_flicker(page, explore):
    explore.failed.emit("The model made numbers that are not finite.")
    notice = page.notices._shown["jump"]
    explore.failed.emit("The model made numbers that are not finite.")
    assert page.notices._shown["jump"] is notice
    explore.show(POINTS)  # and it goes with the next answer
    assert "jump" not in page.notices.texts()


def save(page, qtbot, choice, path):
    page.save(choice, path)
    qtbot.waitUntil(lambda: bool(page.said.text() or page.notices.texts()), timeout=TIMEOUT)


def test_a_saved_grid_has_the_pixels_in_sight(pictures, explore, qtbot, qt_loop, tmp_path):
    save(pictures, qtbot, Choice("x_s", "PNG", 1), tmp_path / "grid.png")
    image = QImage(str(tmp_path / "grid.png"))
    assert (image.width(), image.height()) == (64, 64)
    assert image.pixelColor(5, 3).getRgb()[:3] == tuple(explore.states.x_s[0, 3, 5])
    assert image.pixelColor(16 * 3 + 2, 16 * 2 + 9).getRgb()[:3] == tuple(
        explore.states.x_s[11, 9, 2]
    )
    assert image.text("model") == PICTURES.name
    assert image.text("seed") == "0"
    assert pictures.said.text() == "Saved grid.png"


def test_the_chosen_picture_is_the_one_that_is_saved(pictures, explore, qtbot, qt_loop, tmp_path):
    pictures.pick.choose(6)
    save(pictures, qtbot, Choice("picture", "PNG", 8), tmp_path / "one.png")
    image = QImage(str(tmp_path / "one.png"))
    assert (image.width(), image.height()) == (128, 128)
    assert image.pixelColor(8 * 4 + 7, 8 * 9).getRgb()[:3] == tuple(explore.states.x_s[6, 9, 4])


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_the_plot_is_saved(points, qtbot, qt_loop, tmp_path, kind):
    path = tmp_path / f"plot.{kind.lower()}"
    save(points, qtbot, Choice("plot", kind, 2), path)
    if kind == "SVG":
        assert path.read_text("utf-8").count("<circle") == 2048 + 2048 + 512
    else:
        image = QImage(str(path))
        assert image.width() == image.height() == 1600
        assert len({image.pixel(x, 800) for x in range(1600)}) > 10


def test_the_numbers_are_saved(points, explore, qtbot, qt_loop, tmp_path):
    explore.set_times(0.75, 0.25)
    save(points, qtbot, Choice("arrays", "NPZ"), tmp_path / "n.npz")
    with np.load(tmp_path / "n.npz") as found:
        assert (found["x_s"] == explore.states.x_s).all()
        assert json.loads(str(found["metadata"]))["t"] == 0.75


def test_a_folder_that_is_gone_is_a_sentence(pictures, qtbot, qt_loop, tmp_path):
    save(pictures, qtbot, Choice("x_s", "PNG"), tmp_path / "gone" / "grid.png")
    assert "is not there" in pictures.notices.texts()["problem"]
    assert pictures.middle.currentWidget() is pictures.pictures


def copy(page, qtbot, words):
    page.copy()
    qtbot.waitUntil(lambda: page.said.text() == words, timeout=TIMEOUT)
    return QGuiApplication.clipboard().image()


def test_copy_takes_the_picture_under_the_cursor_else_all(pictures, explore, qtbot, qt_loop):
    assert copy(pictures, qtbot, "All pictures were copied.").width() == 4 * 16 * 8
    pictures.pick.hover(3)
    image = copy(pictures, qtbot, "The picture was copied.")
    assert image.width() == 16 * 8
    assert image.pixelColor(8 * 2, 8 * 5).getRgb()[:3] == tuple(explore.states.x_s[3, 5, 2])


def test_copying_a_plot_copies_the_plot(points, qtbot, qt_loop):
    assert copy(points, qtbot, "The plot was copied.").width() == 1600


def test_with_an_engine_behind_it(qtbot, theme, qt_loop):
    world = FakeWorld()
    catalogue, runs = CatalogueModel(world.link), RunsModel(world.link)
    explore = ExploreModel(world.link)
    maps, film = MapModel(world.link, explore), FilmModel(world.link, explore, runs)
    companions, quality = Companions(world.link, explore), QualityModel(world.link, explore)
    schedule, fields = ScheduleModel(explore, quality), FieldModel(world.link, explore)
    parts = explore, maps, film, companions, quality, schedule
    held = HeldModel(world.link, explore, maps, quality)
    closer = closer_of(world.link, explore, companions, held)
    models = Exploring(*parts, StepModel(world.link, explore), fields, closer, catalogue, runs)
    page = ExplorePage(models, theme)
    qtbot.addWidget(page)
    page.resize(1200, 740)
    page.show()
    world.link.open()
    page.open("emoji")
    qtbot.waitUntil(lambda: explore.states is not None, timeout=TIMEOUT)
    assert page.middle.currentWidget() is page.pictures
    explore.set_times(0.5, 0.25)
    qtbot.waitUntil(lambda: "0.500 → 0.250" in page.pictures.line.text(), timeout=TIMEOUT)
    page.open("points")
    qtbot.waitUntil(lambda: explore.trace is not None, timeout=TIMEOUT)
    assert explore.source.count == 2048
    qtbot.waitUntil(lambda: "2,048 points" in page.particles.line.text(), timeout=TIMEOUT)
    page.where.toggle_play()
    before = explore.s
    qtbot.waitUntil(lambda: explore.s != before, timeout=TIMEOUT)
    page.where.toggle_play()
