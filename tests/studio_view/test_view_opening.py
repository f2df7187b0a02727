"""Opening what is named, picked or dropped, and what the studio takes up again."""

from pathlib import Path

import pytest
from msgspec import structs

from engine.contract import messages as m
from engine.contract.catalogue import DataSet
from engine.contract.source import Mix
from studio.model.session import Session
from studio.model.tasks import spawn
from studio.model.view import View
from studio.view.opening import data_name

pytestmark = pytest.mark.gui


@pytest.fixture
def opener(stage):
    return stage.studio.opener


def test_kinds_are_told_by_what_lies_there(stage, opener, tmp_path):
    run = tmp_path / "my-run"
    run.mkdir()
    (run / "spec.toml").write_text("")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a.safetensors", "b.toml", "c.npz", "d.txt"):
        (tmp_path / name).write_text("")
    stage.world.add_run("known")
    stage.models.runs.runs = list(stage.world.runs.values())
    found = {name: opener.kind(name) for name in ("known", "emoji", "nothing")}
    assert found == {"known": "run", "emoji": "model", "nothing": ""}
    kinds = {p.name: opener.kind(str(p)) for p in tmp_path.iterdir() if p.name != "settings.ini"}
    assert kinds == {
        "my-run": "model", "pictures": "data", "a.safetensors": "model", "b.toml": "spec",
        "c.npz": "data", "d.txt": "",
    }  # fmt: skip


def test_a_spec_survives_the_way_through_a_file(stage, opener, tmp_path):
    stage.models.form.choose_preset("emoji-16-meanflow")
    stage.models.form.set("training.learning_rate", "3e-4")
    spec = stage.models.form.spec
    opener.save_spec(tmp_path / "mine.toml")
    stage.models.form.choose_preset("points-fm")
    opener.open(str(tmp_path / "mine.toml"))
    assert stage.models.form.spec == spec
    assert stage.models.session.recent == [str(tmp_path / "mine.toml")]


@pytest.mark.parametrize(
    ("text", "word"),
    [("not toml =", "spec"), ("[data]\nname = 'x'\ncolour = 1\n", "spec"), ("", "spec")],
)
def test_a_bad_spec_is_refused_in_a_sentence(stage, opener, tmp_path, text, word):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    before = stage.models.form.spec
    opener.open(str(path))
    assert stage.notices()["open"].startswith("bad.toml cannot be read as a spec")
    assert stage.models.form.spec == before


def test_a_spec_that_cannot_be_written_is_said(stage, opener, tmp_path):
    opener.save_spec(tmp_path / "no" / "such" / "folder.toml")
    assert "such is not there" in stage.notices()["open"]


def test_what_is_nothing_is_said(stage, opener):
    opener.open("/no/such/thing")
    assert stage.notices()["open"].startswith("/no/such/thing is no run")


def test_a_run_is_looked_at(stage, opener, qtbot):
    stage.world.add_run("old")
    stage.models.runs.runs = list(stage.world.runs.values())
    stage.window.show_page("Explore")
    opener.open("old")
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    assert stage.window.page_title() == "Train"


def test_a_model_is_explored(stage, opener, qtbot):
    opener.open("emoji")
    qtbot.waitUntil(lambda: stage.models.explore.model is not None)
    assert stage.window.page_title() == "Explore"
    assert stage.models.explore.name == "emoji"


def test_data_is_imported_and_can_be_trained_on(stage, opener, qtbot, tmp_path):
    path = tmp_path / "My Points (2).npz"
    path.write_text("")

    def imported(request):
        data = DataSet(request.name, "My points", "points", (2,), 1200)
        return m.Imported(request.id, data, ("b.txt: no picture",), ("They are few.",))

    stage.world.link.on(m.ImportData, imported)
    opener.open(str(path))
    qtbot.waitUntil(lambda: "was imported" in stage.notices().get("import", ""))
    text = stage.notices()["import"]
    assert text == "“My points” was imported: 1,200 points. 1 file was left out; see the log."
    assert "b.txt: no picture" in stage.window.log.text.toPlainText()
    assert "They are few." in stage.window.log.text.toPlainText()
    stage.window.notices._shown["import"].buttons[0].click()
    assert stage.models.form.spec.data.name == "my-points-2"


def test_a_refused_import_is_said(stage, opener, qtbot, tmp_path):
    refuse = lambda request: m.Refused(request.id, "The folder holds no pictures.")  # noqa: E731
    stage.world.link.on(m.ImportData, refuse)
    opener.open(str(tmp_path))
    qtbot.waitUntil(lambda: stage.notices().get("import") == "The folder holds no pictures.")


@pytest.mark.parametrize(
    ("path", "name"),
    [("/x/My Points (2).npz", "my-points-2"), ("/x/été", "t"), ("/x/…", "data")],
)
def test_data_names_are_plain(path, name):
    assert data_name(path) == name


def test_a_file_dialog_is_opened_and_never_waited_for(stage, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "studio.view.opening.QFileDialog.open", lambda dialog: opened.append(dialog)
    )
    for name in ("file.open", "file.open-folder", "file.save"):
        stage.act(name).trigger()
    assert [d.windowTitle() for d in opened] == ["Open", "Open", "Save spec"]


def start(stage, qtbot, target=""):
    task = spawn(stage.studio.start(target))
    qtbot.waitUntil(task.done)
    task.result()


def test_the_first_start_shows_a_shipped_model_and_prefers_pictures(closed_stage, qtbot):
    stage = closed_stage
    start(stage, qtbot)
    assert not stage.world.link.of(m.OpenModel)  # the Train page is in sight
    stage.window.show_page("Explore")
    qtbot.waitUntil(lambda: stage.models.explore.model is not None)
    assert stage.models.explore.name == "emoji"


def test_what_was_in_hand_is_taken_up_again(closed_stage, qtbot):
    stage = closed_stage
    stage.world.add_run("mine")
    stage.models.session.run, stage.models.session.view = "mine", View("points")
    start(stage, qtbot)
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    assert stage.models.runs.current.name == "mine"
    stage.window.show_page("Explore")
    qtbot.waitUntil(lambda: stage.models.explore.model is not None)
    assert stage.models.explore.name == "points"


def test_a_target_on_the_command_line_is_opened(closed_stage, qtbot):
    stage = closed_stage
    start(stage, qtbot, "points")
    qtbot.waitUntil(lambda: stage.models.explore.model is not None)
    assert stage.window.page_title() == "Explore"
    assert [asked.model for asked in stage.world.link.of(m.OpenModel)] == ["points"]


def test_an_engine_started_again_takes_up_what_the_first_could_not(closed_stage, qtbot):
    stage = closed_stage

    async def fail():
        stage.world.link.closed.emit("The engine could not be started.")

    works, stage.world.link.start = stage.world.link.start, fail
    start(stage, qtbot)
    assert "could not be started" in stage.notices()["engine"]
    stage.world.link.start = works
    stage.window.show_page("Explore")
    stage.window.notices._shown["engine"].buttons[0].click()
    qtbot.waitUntil(lambda: stage.models.explore.model is not None)


BLEND = m.Source(mix=Mix((3, 4), 0.25), count=512)
SAW = View(
    *("points", 0.8, 0.3, 3, (0.25, 0.75), m.Sampler(0.5), BLEND, "defect", 0.25, ("mine",)),
)


def remembered(stage):
    """What the next start reads."""
    return Session(Path(stage.models.session._settings.fileName())).view


def test_what_was_looked_at_is_all_there_again(closed_stage, qtbot):
    stage = closed_stage
    stage.world.add_run("mine")
    stage.world.train("mine", 100)
    stage.models.session.view = SAW
    start(stage, qtbot)
    stage.window.show_page("Explore")
    past, companions = stage.models.past, stage.models.companions
    qtbot.waitUntil(lambda: bool(companions.all) and not past.going)
    assert past.view == SAW
    assert not past.can_undo
    assert stage.world.link.of(m.Jump)[0].source == BLEND  # no other was seen before
    stage.models.explore.set_steps(4)
    stage.studio.remember()
    assert remembered(stage) == structs.replace(SAW, steps=4, shares=())


def test_it_is_written_two_seconds_after_a_change(closed_stage, qtbot):
    stage = closed_stage
    start(stage, qtbot)
    stage.window.show_page("Explore")
    explore = stage.models.explore
    qtbot.waitUntil(lambda: explore.model is not None)
    explore.set_times(0.6, 0.2)
    qtbot.waitUntil(lambda: remembered(stage) is not None, timeout=10_000)
    assert remembered(stage) == stage.models.past.view
    assert (remembered(stage).t, remembered(stage).s) == (0.6, 0.2)


def test_a_model_that_is_gone_leaves_the_place_and_the_seed(closed_stage, qtbot):
    stage = closed_stage
    seen = structs.replace(SAW, model="gone", source=m.Source(seed=9), beside=())
    stage.models.session.view = seen
    start(stage, qtbot)
    stage.window.show_page("Explore")
    qtbot.waitUntil(lambda: stage.models.explore.model is not None)
    view = stage.models.past.view
    assert (view.model, view.t, view.s, view.source.seed) == ("emoji", 0.8, 0.3, 9)
    assert (view.steps, view.map) == (1, None)


def test_a_view_that_was_never_seen_again_is_not_lost(closed_stage, qtbot):
    """The page stays on Train: nothing was opened, and nothing is to be forgotten."""
    stage = closed_stage
    stage.models.session.view = SAW
    start(stage, qtbot)
    stage.studio.remember()
    assert remembered(stage) == SAW


def test_another_model_that_is_chosen_meanwhile_is_asked_as_usual(closed_stage, qtbot):
    stage = closed_stage
    stage.models.session.view = SAW
    start(stage, qtbot)
    stage.studio.explore_model("emoji")
    qtbot.waitUntil(lambda: stage.models.explore.model is not None)
    view = stage.models.past.view
    assert (view.model, view.steps, view.map, view.beside) == ("emoji", 1, None, ())
