"""The explorer dies, or has no memory, under the hand: one sentence, and the view lives on."""

import pytest
from fake_world import FakeWorld

from engine.contract import messages as m
from studio.model.models import Models
from studio.view.explore.page import ExplorePage

pytestmark = pytest.mark.gui
TIMEOUT = 20_000
SAID = [
    "The explorer was killed by signal 9 (SIGKILL) and starts anew; try again.",
    "Memory ran out; ask for fewer samples or close another model.",
]


@pytest.mark.parametrize("sentence", SAID)
@pytest.mark.parametrize("name", ["points", "emoji"])
def test_it_is_one_sentence_and_goes_with_the_next_answer(
    qtbot, theme, qt_loop, tmp_path, name, sentence
):
    world = FakeWorld()
    models = Models(world.link, tmp_path / "settings.ini")
    explore, page = models.explore, ExplorePage(models.exploring, theme)
    qtbot.addWidget(page)
    page.resize(1200, 740)
    page.show()
    world.link.open()
    page.open(name)
    qtbot.waitUntil(lambda: explore.states is not None, timeout=TIMEOUT)
    shown, pane = explore.states, page.middle.currentWidget()
    world.link.on(m.Jump, lambda r: m.Refused(r.id, sentence))
    for k in range(5):  # a hand that does not stop
        asked = len(world.link.of(m.Jump))
        explore.set_times(0.9, k / 10, at_once=True)
        qtbot.waitUntil(lambda asked=asked: len(world.link.of(m.Jump)) > asked, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: bool(page.notices.texts()), timeout=TIMEOUT)
    assert list(page.notices.texts().values()) == [sentence]
    assert (explore.states, page.middle.currentWidget()) == (shown, pane)
    world.link.on(m.Jump, world.jump)
    explore.set_times(0.5, 0.25, at_once=True)
    qtbot.waitUntil(lambda: explore.states.t == 0.5, timeout=TIMEOUT)
    assert page.notices.texts() == {}
    assert "0.500" in page.middle.currentWidget().line.text()
