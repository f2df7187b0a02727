"""The export dialog, the command that can be copied, and the line of what is being made."""

import asyncio
import io
import shlex
from dataclasses import replace

import numpy as np
import pytest
import typer
from fake_link import FakeLink
from fake_world import FakeWorld
from loops import run, settle, until
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog
from staged_explore import PICTURES, POINTS, NoCatalogue

from engine.cli.main import app
from engine.contract import messages as m
from engine.contract.facts import Facts
from engine.contract.source import Mix, Source
from studio.model.explore_model import ExploreModel
from studio.model.export_model import ExportModel
from studio.model.map_field import empty
from studio.theme.tokens import DARK
from studio.view.explore.commanding import Hand, words_of
from studio.view.explore.export_choice import FILMS, Choice
from studio.view.explore.export_dialog import ExportDialog
from studio.view.explore.export_line import ExportLine
from studio.view.explore.exporting import Sight, content, facts_of, suggested_name

pytestmark = pytest.mark.gui
TIMEOUT = 20_000
GROUP = typer.main.get_command(app)


def asked(page):
    """The export dialog, opened."""
    page.export()
    (dialog,) = (d for d in page.window().findChildren(ExportDialog) if not d.isHidden())
    return dialog


def shown(dialog):
    """The settings that are in sight."""
    return {name for name, box in dialog._rows.items() if box.isVisibleTo(dialog)}


def parsed(line):
    """What the command line makes of a copied line."""
    program, name, *rest = shlex.split(line)
    assert program == "flowmap-engine"
    return name, GROUP.commands[name].make_context(name, rest).params


def button(dialog, words):
    return next(b for b in dialog.findChildren(QAbstractButton) if words in b.text())


def test_it_offers_what_fits_pictures(pictures):
    dialog = asked(pictures)
    offered = ["x_s", "x_t", "picture", "map", "scrub", "trajectory", "training", "arrays"]
    assert dialog.offered() == offered
    dialog.choose("arrays")
    assert dialog.format.key() == "NPZ"
    assert shown(dialog) == {"format"}
    dialog.choose("x_t")
    assert shown(dialog) == {"format", "scale", "annotate"}
    dialog.scale.setValue(8)
    dialog.annotate.setChecked(True)
    choice = dialog.choice()
    assert (choice.what, choice.format, choice.scale, choice.annotate) == ("x_t", "PNG", 8, True)
    dialog.choose("scrub")
    assert shown(dialog) == {"format", "frames", "fps", "size", "back", "caption"}
    assert dialog.fps.maximum() == 50
    dialog.format.setCurrentIndex(1)
    assert (dialog.choice().format, dialog.fps.maximum()) == ("MP4", 60)
    dialog.choose("trajectory")
    assert shown(dialog) == {"format", "steps", "fps", "size", "caption"}
    dialog.choose("map")
    assert shown(dialog) == {"format", "map", "scale"}
    dialog.format.setCurrentIndex(1)
    assert shown(dialog) == {"format", "map"}
    dialog.reject()


def test_it_offers_what_fits_points_and_runs(points, explore, models):
    dialog = asked(points)
    offered = ["plot", "map", "scrub", "trajectory", "training", "arrays"]
    assert dialog.offered() == offered  # a shipped model has a film
    dialog.choose("scrub")
    assert parsed(dialog.line.toPlainText())[1]["model"] == POINTS.name
    dialog.reject()
    explore.name = "/a/mine.safetensors"
    dialog = asked(points)
    assert dialog.offered() == [what for what in offered if what != "training"]
    kinds = [dialog.map.itemData(k) for k in range(dialog.map.count())]
    assert kinds == ["error", "defect", "residual", "residual-data"]  # nothing to be far from
    dialog.reject()
    models.maps.kind = "defect"
    explore.name = "psd-spiral-001"
    dialog = asked(points)
    assert "training" in dialog.offered()
    assert dialog.map.findData("loss") > 0  # only a run keeps it
    assert dialog.map.key() == "defect"
    dialog.choose("training")
    assert shown(dialog) == {"format", "fps", "size", "caption"}
    _, found = parsed(dialog.line.toPlainText())
    assert (found["model"], found["kind"]) == ("psd-spiral-001", "training")
    dialog.choose("scrub")
    assert parsed(dialog.line.toPlainText())[1]["model"] == "psd-spiral-001@4000"
    dialog.reject()


def test_a_model_whose_truth_is_unknown_has_no_map_of_errors(page, explore):
    data = type(POINTS.data)("mine", "Mine", "points", (2,))
    explore.show(type(POINTS)("gauss", "G", "fm", "velocity", data, 1, 0.9))
    dialog = asked(page)
    assert [dialog.map.itemData(k) for k in range(dialog.map.count())] == ["defect", "loss"]
    dialog.reject()


def test_titles_in_the_list_cannot_be_chosen_and_keys_pass_them(pictures):
    dialog = asked(pictures)
    dialog.choose("picture")
    QTest.keyClick(dialog.what, Qt.Key.Key_Down)
    assert dialog.choice().what == "map"
    QTest.keyClick(dialog.what, Qt.Key.Key_Up)
    assert dialog.choice().what == "picture"
    dialog.reject()


def test_nothing_is_cut_and_the_dialog_keeps_its_size(pictures):
    dialog = asked(pictures)
    sizes = set()
    for what in dialog.offered():
        dialog.choose(what)
        QGuiApplication.processEvents()
        sizes.add((dialog.width(), dialog.height()))
        bottom = max(box.geometry().bottom() for box in dialog._rows.values() if box.isVisible())
        assert bottom < dialog._note.geometry().top()
    assert len(sizes) == 1
    assert dialog.height() <= 700
    dialog.reject()


@pytest.mark.parametrize("format", [0, 1])
def test_every_kind_has_a_command_that_the_engine_reads(pictures, points, explore, format):
    source = Source("noise", 9, 4, 1, mix=Mix((3, 4), 0.25))
    explore.set_source(source)
    explore.set_times(0.8, 0.25)
    explore.set_steps(3)
    dialog = asked(points)
    for what in dialog.offered():
        dialog.choose(what)
        dialog.format.setCurrentIndex(min(format, dialog.format.count() - 1))
        name, found = parsed(dialog.line.toPlainText())
        choice = dialog.choice()
        assert name == ("film" if what in FILMS else "map" if what == "map" else "jump")
        assert str(found["out"]).endswith(f".{choice.suffix}")
        assert found["model"] == explore.name
        assert found["seed"] == 9
        if name != "map":
            assert (found["mix"], found["count"], found["label"]) == ("3,4@0.25", 4, 1)
        if name == "jump":
            assert (found["t"], found["s"], found["steps"]) == ("0.8", "0.25", 3)
    dialog.reject()


@pytest.mark.parametrize("name", ["/a b/ü 'x'.safetensors", "/$HOME/`ls`;rm.safetensors"])
def test_odd_names_survive_the_clipboard(pictures, explore, name):
    explore.name = name
    dialog = asked(pictures)
    button(dialog, "Copy the command").click()
    _, found = parsed(QGuiApplication.clipboard().text())
    assert found["model"] == name
    assert "Copied" in dialog.copy.text()
    dialog.reject()


def test_what_a_picture_shows_is_in_its_command(pictures, theme):
    pictures.pick.choose(2)
    dialog = asked(pictures)
    dialog.choose("picture")
    dialog.scale.setValue(6)
    dialog.annotate.setChecked(True)
    _, found = parsed(dialog.line.toPlainText())
    wanted = (3, 6, True, "x_s", theme.tokens.name)
    assert (
        *(found["picture"], found["scale"], found["caption"], found["shown"]),
        found["theme"],
    ) == wanted
    dialog.reject()


def test_what_was_chosen_last_is_offered_again(pictures):
    dialog = asked(pictures)
    dialog.choose("scrub")
    dialog.frames.setValue(99)
    dialog.back.setChecked(True)
    button(dialog, "Choose the file").click()
    files = pictures.window().findChild(QFileDialog)
    assert files.selectedFiles()[0].endswith("-scrub-seed0.gif")
    files.reject()
    dialog = asked(pictures)
    choice = dialog.choice()
    assert (choice.what, choice.frames, choice.back) == ("scrub", 99, True)
    dialog.reject()


def test_from_the_dialog_to_the_file(pictures, qtbot, qt_loop, tmp_path):
    dialog = asked(pictures)
    button(dialog, "Choose the file").click()
    files = pictures.window().findChild(QFileDialog)
    assert files.acceptMode() == QFileDialog.AcceptMode.AcceptSave
    assert not files.testOption(QFileDialog.Option.DontConfirmOverwrite)
    path = tmp_path / "out.png"
    files.fileSelected.emit(str(path))
    qtbot.waitUntil(path.exists, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: pictures.said.text() == "Saved out.png", timeout=TIMEOUT)
    files.reject()


def test_a_film_without_an_engine_is_a_sentence_on_the_page(pictures, qtbot, qt_loop, tmp_path):
    pictures.save(Choice("scrub", "GIF"), tmp_path / "a.gif")
    qtbot.waitUntil(lambda: "export" in pictures.notices.texts(), timeout=TIMEOUT)
    assert "no engine" in pictures.notices.texts()["export"]
    pictures.save(Choice("x_s", "PNG"), tmp_path / "a.png")
    qtbot.waitUntil(lambda: pictures.said.text() == "Saved a.png", timeout=TIMEOUT)
    assert "export" in pictures.notices.texts()  # another one that went well hides nothing
    assert not pictures.exporting.isVisible()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_names_that_are_suggested_are_names(pictures, explore):
    facts = facts_of(explore, NoCatalogue())
    assert isinstance(facts, Facts)
    facts = replace(facts, model="/a/b c/../ü*?.safetensors")
    for choice, end in (
        (Choice("x_s", "PNG"), "-xs-t1.000-s0.000-seed0.png"),
        (Choice("arrays", "HDF5"), "-arrays-t1.000-s0.000-seed0.h5"),
        (Choice("map", "SVG", map="residual-data"), "-residual-data-map-seed0.svg"),
        (Choice("trajectory", "MP4"), "-trajectory-seed0.mp4"),
    ):
        name = suggested_name(facts, choice)
        assert name.endswith(end)
        assert not set(name) & set('/\\*?":<>| ')
        assert not name.startswith(".")


def test_the_line_shows_what_is_made_and_gives_it_up(qtbot, qt_loop, theme, tmp_path):
    link = FakeLink()
    link.on(m.Export, lambda r: m.Refused(r.id, "It was cancelled."))
    link.on(m.CancelExport, lambda r: m.Done(r.id))
    exports = ExportModel(link)
    line = ExportLine(exports, theme)
    qtbot.addWidget(line)
    link.open()
    assert not line.isVisibleTo(None)
    link.hold()
    exports.start(("film", "m"), tmp_path / "a.gif")
    exports.start(("film", "m"), tmp_path / "b.gif")
    qtbot.waitUntil(lambda: bool(link.of(m.Export)), timeout=TIMEOUT)
    assert line.text.text() == "Making a.gif (+1)"
    assert line.bar.maximum() == 0  # not known yet
    link.notice(m.ExportProgress(link.of(m.Export)[0].id, 1, 4))
    assert (line.bar.value(), line.bar.maximum()) == (250, 1000)
    width = line.sizeHint().width()
    QTest.mouseClick(line.cancel, Qt.MouseButton.LeftButton)
    assert line.text.text().startswith("Giving up a.gif")
    assert not line.cancel.isEnabled()
    assert line.sizeHint().width() == width
    qtbot.waitUntil(lambda: bool(link.of(m.CancelExport)), timeout=TIMEOUT)
    link.release()
    qtbot.waitUntil(lambda: exports.now is None, timeout=TIMEOUT)
    assert not line.isVisibleTo(None)


def test_times_that_were_set_by_hand_are_those_of_the_film(pictures, explore, maps):
    explore.set_times(0.8, 0.0)
    explore.set_steps(3)
    explore.set_shares((0.25, 0.75))
    hand = Hand(explore, maps, NoCatalogue(), 0, "dark")

    def shares(what, steps=3):
        words = words_of(Choice(what, "GIF", steps=steps), hand)
        return words[words.index("--shares") + 1] if "--shares" in words else "even"

    assert shares("trajectory") == "0.25,0.75"
    assert shares("trajectory", 8) == "even"  # another number of steps has times of its own
    assert shares("training") == "0.25,0.75"
    assert shares("scrub") == "0.25,0.75"


def test_a_trajectory_is_offered_in_the_steps_that_were_set_by_hand(pictures, explore):
    explore.set_steps(3)
    explore.set_shares((0.25, 0.75))
    dialog = asked(pictures)
    dialog.choose("trajectory")
    assert dialog.steps.value() == 3
    assert "--shares 0.25,0.75" in dialog.line.toPlainText()
    dialog.reject()


def test_a_map_that_stands_whole_is_handed_to_its_command(pictures, maps, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(pictures._exports.model, "start", lambda *words: started.append(words[2]))
    maps.kind, maps.field = "error", empty(PICTURES)
    maps.field.values[:] = np.arange(len(maps.field.values))
    pictures.save(Choice("map", "PNG", map="error"), tmp_path / "a.png")
    np.testing.assert_array_equal(np.frombuffer(started[-1], "<f4"), maps.field.values)
    pictures.save(Choice("map", "PNG", map="defect"), tmp_path / "a.png")  # another question
    maps.field.values[-1] = np.nan  # one place is not known yet
    pictures.save(Choice("map", "PNG", map="error"), tmp_path / "a.png")
    pictures.save(Choice("scrub", "GIF"), tmp_path / "a.gif")
    assert started[1:] == [b"", b"", b""]


def test_numbers_are_those_in_sight_wherever_the_hand_is_by_now():
    async def scenario():
        world = FakeWorld()
        explore = ExploreModel(world.link)
        world.link.open()
        await explore.open("emoji")
        explore.set_times(0.5, 0.25)
        await until(lambda: explore.states is not None and explore.states.t == 0.5)
        facts, sight = facts_of(explore, NoCatalogue()), Sight(0, [], None, DARK)
        world.link.hold()
        explore.set_times(0.9, 0.1)
        explore.set_source(Source(seed=9))
        choice = Choice("arrays", "NPZ")
        writing = asyncio.ensure_future(content(choice, explore, facts, sight))
        await settle()
        world.link.release()
        arrays = np.load(io.BytesIO(await writing))
        (asked,) = (jump for jump in world.link.of(m.Jump) if jump.raw)
        assert (asked.t, asked.s, asked.source.seed) == (0.5, 0.25, facts.seed)
        assert (float(arrays["t"]), float(arrays["s"])) == (facts.t, facts.s)

    run(scenario())
