"""Where x_t comes from, by mouse and keys: seeds, blends, one sample, and what is dragged."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSizeF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from staged_explore import LABELS, PICTURES, POINTS

from engine.contract.catalogue import Model
from engine.contract.source import Mix, Moved, Sample, Source
from studio.view.explore.plot_drawing import Plane
from studio.view.explore.seed_pad import MIDDLE
from studio.view.widgets.picture_grid import tile_centre

pytestmark = pytest.mark.gui
TIMEOUT = 20_000
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def form(pictures):
    return pictures.where.source


def visible(form):
    parts = {"seed": form.seed, "blend": form.blend, "sample": form.sample, "moved": form.put_back}
    return {name for name, part in parts.items() if part.isVisibleTo(form)}


# Seeds.


def test_a_seed_may_have_a_fraction(form, explore):
    form.seed.setValue(3.25)
    assert (explore.source.seed, explore.source.mix) == (3, Mix((3, 4), 0.25))
    assert form.seed.text() == "3.25"
    form.seed.setValue(4)
    assert (explore.source.seed, explore.source.mix) == (4, None)
    assert form.seed.text() == "4"


def test_shift_steps_finely_and_nothing_drifts(form, explore):
    form.seed.setFocus()
    QTest.keyClick(form.seed, Qt.Key.Key_Up)
    for _ in range(150):
        QTest.keyClick(form.seed, Qt.Key.Key_Up, SHIFT)
    assert form.seed.text() == "2.5"
    assert explore.source == Source(seed=2, mix=Mix((2, 3), 0.5))
    for _ in range(50):
        QTest.keyClick(form.seed, Qt.Key.Key_Down, SHIFT)
    assert explore.source == Source(seed=2)


def test_the_word_seed_is_dragged(form, explore, pictures):
    name = form._rows["seed"][0]
    QTest.mousePress(name, LEFT, pos=QPoint(5, 5))
    QTest.mouseMove(name, QPoint(17, 5))
    QTest.mouseRelease(name, LEFT, pos=QPoint(17, 5))
    assert form.seed.value() == pytest.approx(0.12)


def test_seed_before_leads_back_to_a_fraction_and_to_a_blend(form, explore, pictures):
    form.seed.setValue(3.25)
    before = explore.source
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_R)
    assert explore.source.mix is None
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_R, SHIFT)
    assert explore.source == before
    form.kinds["blend"].click()
    blend = explore.source
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_R)
    assert explore.source.mix.seeds != blend.mix.seeds
    assert (explore.source.mix.x, explore.source.mix.y) == MIDDLE
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_R, SHIFT)
    assert explore.source == blend


# Between four seeds.


def test_a_blend_shows_what_it_needs_and_comes_back(form, explore):
    assert visible(form) == {"seed"}
    form.kinds["blend"].click()
    assert visible(form) == {"blend"}
    assert explore.source.mix == Mix((0, 1, 2, 3), *MIDDLE)
    form.blend.corners[2].setValue(77)
    form.blend.pad.move_to(0.25, 2.0)
    assert explore.source.mix == Mix((0, 1, 77, 3), 0.25, 1.0)
    form.kinds["noise"].click()
    assert explore.source == Source()
    form.kinds["blend"].click()
    assert explore.source.mix == Mix((0, 1, 77, 3), 0.25, 1.0)
    form.kinds["data"].click()
    assert explore.source == Source("data")


def test_the_handle_follows_mouse_and_keys(form, explore, qtbot):
    form.kinds["blend"].click()
    pad = form.blend.pad
    QTest.mouseClick(pad, LEFT, pos=QPoint(0, pad.height()))
    assert (explore.source.mix.x, explore.source.mix.y) == (0.0, 1.0)
    pad.setFocus()
    QTest.keyClick(pad, Qt.Key.Key_Right)
    QTest.keyClick(pad, Qt.Key.Key_Up, SHIFT)
    assert (explore.source.mix.x, explore.source.mix.y) == (0.02, 0.9)
    assert pad.accessibleDescription() == "2 % across, 90 % down"
    QTest.mouseDClick(pad, LEFT, pos=QPoint(20, 20))
    assert (explore.source.mix.x, explore.source.mix.y) == MIDDLE


def test_a_stroll_moves_and_stops_unseen(form, explore, qtbot):
    form.kinds["blend"].click()
    form.blend.stroll.click()
    qtbot.waitUntil(lambda: explore.source.mix.x != 0.5, timeout=TIMEOUT)
    form.kinds["noise"].click()
    assert not form.blend._timer.isActive()


# One sample.


@pytest.fixture
def sampled(form, explore, qtbot, qt_loop):
    form.kinds["sample"].click()
    qtbot.waitUntil(lambda: explore.source.kind == "sample", timeout=TIMEOUT)
    return form


def test_a_sample_is_chosen_by_its_number(sampled, explore, qtbot):
    form = sampled.sample
    assert explore.source.sample == Sample()
    assert visible(sampled) == {"seed", "sample"}
    form.number.setFocus()
    form.number.selectAll()
    QTest.keyClicks(form.number, "5")
    QTest.keyClick(form.number, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: explore.source.sample == Sample(4), timeout=TIMEOUT)
    assert form.number.maximum() == 10
    assert form.thumb.toolTip() == LABELS[1]
    assert sampled.labels.itemText(0) == f"own: {LABELS[1]}"
    form._step(-1)
    qtbot.waitUntil(lambda: explore.source.sample == Sample(3), timeout=TIMEOUT)
    form.held_out.click()
    qtbot.waitUntil(lambda: explore.source.sample == Sample(0, True), timeout=TIMEOUT)
    assert form.held_out.isChecked()


def test_a_carried_sample_is_one_alone(sampled, explore):
    ways = sampled.sample.ways
    ways["carried"].click()
    assert explore.source == Source("sample", count=1, sample=Sample(way="carried"))
    assert visible(sampled) == {"sample"}
    ways["noised"].click()
    assert explore.source == Source("sample", count=16, sample=Sample())
    ways["carried"].click()
    sampled.kinds["noise"].click()
    assert explore.source == Source()


@pytest.mark.parametrize("capability", ["endpoint", "dyadic"])
def test_who_cannot_carry_says_why(sampled, explore, capability):
    sampled.sample.ways["carried"].click()
    explore.show(replace(PICTURES, capability=capability))
    assert explore.source.sample.way == "noised"
    assert explore.source.count == 16
    chip = sampled.sample.ways["carried"]
    assert not chip.isEnabled()
    assert chip.toolTip().startswith("This model knows")


def test_points_start_from_no_picture_and_pictures_from_no_place(sampled, explore, qtbot):
    explore.set_source(replace(explore.source, count=256))
    explore.show(POINTS)
    assert explore.source.kind == "sample"
    assert not sampled.sample.thumb.isVisibleTo(sampled)
    explore.set_source(replace(explore.source, sample=Sample(point=(1.0, 0.5))))
    explore.show(PICTURES)
    assert (explore.source.kind, explore.source.sample) == ("noise", None)


# Pictures of one's own.


def picture_file(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"the studio never opens it")
    return str(path)


def drop(page, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path)])
    for kind in (QDragEnterEvent, QDropEvent):
        place = QPoint(50, 50) if kind is QDragEnterEvent else QPointF(50, 50)
        event = kind(place, Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(page, event)


def test_a_dropped_picture_is_the_source(pictures, explore, qtbot, qt_loop, tmp_path):
    drop(pictures, picture_file(tmp_path, "cat.png"))
    qtbot.waitUntil(lambda: explore.source.kind == "sample", timeout=TIMEOUT)
    assert explore.source.sample == Sample(picture="0123456789abcdef")
    form = pictures.where.source.sample
    assert form.number.text() == "your own"
    assert form.thumb.toolTip() == "cat.png"
    form._step(1)
    qtbot.waitUntil(lambda: not explore.source.sample.picture, timeout=TIMEOUT)
    assert form.number.text() == "no. 1"


def test_a_bad_file_is_a_sentence_and_nothing_changes(pictures, explore, qtbot, qt_loop, tmp_path):
    before = explore.source
    path = picture_file(tmp_path, "bad.png")
    drop(pictures, path)
    qtbot.waitUntil(lambda: bool(pictures.notices.texts()), timeout=TIMEOUT)
    assert pictures.notices.texts()["problem"] == f"{path} cannot be taken."
    assert explore.source == before
    assert pictures.where.source.kinds["noise"].isChecked()
    drop(pictures, str(tmp_path / "notes.txt"))  # nothing for this page
    assert explore.source == before


def test_the_clipboard_and_a_dialog_are_ways_in(pictures, explore, qtbot, qt_loop, tmp_path):
    QGuiApplication.clipboard().clear()
    pictures.taker.paste()
    assert "no picture on the clipboard" in pictures.notices.texts()["problem"]
    image = QImage(700, 300, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    with qtbot.waitSignal(pictures.taker.taken, timeout=TIMEOUT) as taken:
        QTest.keyClick(pictures.where.pad, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    written = QImage(taken.args[0])
    assert (written.width(), written.height()) == (256, 256)
    assert written.pixelColor(9, 200) == Qt.GlobalColor.red
    QTest.keyClick(pictures.where.pad, Qt.Key.Key_I)
    dialog = pictures.findChild(QFileDialog)
    with qtbot.waitSignal(pictures.taker.taken, timeout=TIMEOUT) as taken:
        dialog.fileSelected.emit(picture_file(tmp_path, "dog.jpg"))
    dialog.reject()
    qtbot.waitUntil(lambda: explore.source.kind == "sample", timeout=TIMEOUT)


# What a hand moves.


def pixel(plot, place):
    left, top = Plane(QSizeF(plot.size()), plot.window_of_plane).pixels(place[None])[0]
    return QPoint(round(float(left)), round(float(top)))


def drag(widget, start, *way):
    QTest.mousePress(widget, LEFT, pos=start)
    for place in way:
        QTest.mouseMove(widget, place)
    QTest.mouseRelease(widget, LEFT, pos=way[-1])


def test_a_point_follows_the_hand_and_goes_back(points, explore):
    explore.set_source(replace(explore.source, count=256))
    plot, before = points.particles.plot, explore.source
    start = pixel(plot, explore.states.x_t[7])
    drag(plot, start, start + QPoint(30, 0), start + QPoint(60, -40))
    (moved,) = explore.source.moved
    there = Plane(QSizeF(plot.size()), plot.window_of_plane).place(QPointF(start + QPoint(60, -40)))
    assert (moved.x, moved.y) == pytest.approx(there)
    assert tuple(explore.states.x_t[moved.index]) == pytest.approx(there, abs=1e-5)
    assert {"put", "moved", "moved way"} <= {layer.name for layer in plot.layers()}
    assert points.where.source.said.text() == "1 point moved"
    QTest.keyClick(plot, Qt.Key.Key_Escape)
    assert explore.source == before
    assert visible(points.where.source) == {"seed"}


def test_nothing_near_is_nothing_held(points, explore):
    plot = points.particles.plot
    drag(plot, QPoint(2, 2), QPoint(90, 90))
    assert not explore.source.moved


def test_arrow_keys_move_a_point(points, explore):
    plot = points.particles.plot
    plot.setFocus()
    QTest.keyClick(plot, Qt.Key.Key_Right)
    (moved,) = explore.source.moved
    QTest.keyClick(plot, Qt.Key.Key_Up, SHIFT)
    (again,) = explore.source.moved
    step = 2 * plot.window_of_plane.half * 0.01
    assert (again.index, again.x) == (moved.index, moved.x)
    assert again.y == pytest.approx(moved.y + 10 * step)


def test_where_one_place_is_the_source_a_click_chooses_it(points, explore, qtbot, qt_loop):
    points.where.source.kinds["sample"].click()
    qtbot.waitUntil(lambda: explore.source.kind == "sample", timeout=TIMEOUT)
    plot = points.particles.plot
    place = QPoint(plot.width() // 2 + 40, plot.height() // 2)
    expected = Plane(QSizeF(plot.size()), plot.window_of_plane).place(QPointF(place))
    QTest.mouseClick(plot, LEFT, pos=place)
    assert explore.source.sample.point == pytest.approx(expected)
    assert not explore.source.moved
    window = plot.window_of_plane
    explore.set_times(0.01, 0.0)
    assert plot.window_of_plane == window  # it does not shrink around one place
    plot.setFocus()
    QTest.keyClick(plot, Qt.Key.Key_Left)
    assert explore.source.sample.point[0] < expected[0]


def test_a_picture_is_rolled_pixel_by_pixel(pictures, explore):
    grid = pictures.pictures.start
    start, side = tile_centre(grid, 5).toPoint(), grid.tiles.tile / 16
    drag(grid, start, start + QPoint(round(2.6 * side), 0), start + QPoint(round(4.2 * side), -3))
    assert explore.source.moved == (Moved(5, 4.0, 0.0),)
    grid.setFocus()
    QTest.keyClick(grid, Qt.Key.Key_Down, SHIFT)
    assert explore.source.moved == (Moved(5, 4.0, 1.0),)
    for _ in range(12):
        QTest.keyClick(grid, Qt.Key.Key_Right, SHIFT)
    assert explore.source.moved == (Moved(5, 0.0, 1.0),)  # once around
    QTest.keyClick(grid, Qt.Key.Key_Up, SHIFT)
    assert explore.source.moved == ()
    pictures.pictures.end.setFocus()
    QTest.keyClick(pictures.pictures.end, Qt.Key.Key_Right, SHIFT)
    assert explore.source.moved == ()  # x_s is not where the hand is


def test_another_source_leaves_nothing_moved(pictures, explore):
    form = pictures.where.source
    for change in (form.new_seed, form.kinds["data"].click, form.kinds["blend"].click, form.undo):
        explore.set_source(replace(explore.source, moved=(Moved(1, 2.0, 0.0),)))
        assert form.put_back.isVisibleTo(form)
        change()
        assert not explore.source.moved
    explore.set_source(replace(explore.source, moved=(Moved(1, 2.0, 0.0),)))
    bigger = replace(PICTURES, data=replace(PICTURES.data, shape=(3, 32, 32)))
    assert isinstance(bigger, Model)
    explore.show(bigger)
    assert not explore.source.moved


def test_a_carried_picture_is_not_dragged(sampled, explore, pictures):
    sampled.sample.ways["carried"].click()
    grid = pictures.pictures.start
    start = tile_centre(grid, 0).toPoint()
    drag(grid, start, start + QPoint(80, 0))
    assert not explore.source.moved
