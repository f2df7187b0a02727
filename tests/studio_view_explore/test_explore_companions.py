"""Several models on the page: chips, columns of pictures, points in colours of their own."""

import pytest
from fake_world import FakeWorld
from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from staged_explore import closer_of

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
from studio.model.tasks import spawn
from studio.theme.tokens import companion_colour
from studio.view.explore.companion_chips import CompanionChips
from studio.view.explore.page import ExplorePage

pytestmark = pytest.mark.gui
TIMEOUT = 10_000


@pytest.fixture
def live(qtbot, theme, qt_loop):
    """The page over a made-up engine, with a model of pictures in hand."""
    world = FakeWorld()
    for name in ("points", "emoji"):
        world.models[f"{name}-2"] = structs.replace(
            world.models[name], name=f"{name}-2", method="psd"
        )
    explore, runs = ExploreModel(world.link), RunsModel(world.link)
    companions, catalogue = Companions(world.link, explore), CatalogueModel(world.link)
    film = FilmModel(world.link, explore, runs)
    maps = MapModel(world.link, explore)
    quality = QualityModel(world.link, explore)
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
    spawn(catalogue.refresh())
    page.open("emoji")
    qtbot.waitUntil(lambda: explore.states is not None, timeout=TIMEOUT)
    return page


def joined(qtbot, page, name):
    page.add(name)
    qtbot.waitUntil(
        lambda: any(c.name == name and c.states is not None for c in page.companions.all),
        timeout=TIMEOUT,
    )


def chips(page):
    return [tool for tool in page.chips.findChildren(type(page.chips.add)) if tool.isVisible()]


def test_a_second_model_gets_a_column_and_a_chip(qtbot, live):
    joined(qtbot, live, "emoji-2")
    assert isinstance(live.chips, CompanionChips)
    assert [tool.accessibleName() for tool in chips(live)] == ["Add a model", "Take PSD away"]
    qtbot.waitUntil(lambda: len(live.pictures.others) == 1, timeout=TIMEOUT)
    widths = [grid.width() for grid in (live.pictures.start, live.pictures.end)]
    widths += [grid.width() for grid in live.pictures.others]
    assert max(widths) - min(widths) <= 2
    texts = {said.text() for _, said in live.pictures._columns}
    assert texts == {"0.000 apart"}


def test_the_picture_under_the_cursor_is_outlined_in_every_column(qtbot, live):
    joined(qtbot, live, "emoji-2")
    live.pick.hover(3)
    before = live.pictures.others[0].grab().toImage()
    live.pick.hover(-1)
    assert live.pictures.others[0].grab().toImage() != before


def test_the_cross_takes_it_away(qtbot, live):
    joined(qtbot, live, "emoji-2")
    away = next(tool for tool in chips(live) if "away" in tool.accessibleName())
    QTest.mouseClick(away, Qt.MouseButton.LeftButton)
    assert live.companions.all == []
    assert live.pictures.others == []
    assert [tool.accessibleName() for tool in chips(live)] == ["Add a model"]


def test_points_are_drawn_in_their_own_colour(qtbot, live, theme):
    live.open("points")
    qtbot.waitUntil(lambda: live.explore.states.x_s.ndim == 2, timeout=TIMEOUT)
    joined(qtbot, live, "points-2")
    layers = {layer.name: layer for layer in live.particles.plot.layers()}
    assert layers["companion 1"].colour == companion_colour(theme.tokens, 0)


def test_what_does_not_fit_is_said_and_changes_nothing(qtbot, live):
    live.add("points")
    qtbot.waitUntil(lambda: bool(live.notices.texts()), timeout=TIMEOUT)
    assert "other samples" in live.notices.texts()["problem"]
    assert live.companions.all == []


def test_the_truth_is_offered_for_pictures_and_this_step_for_runs(qtbot, live):
    menu = live.chips.menu_of_models
    menu.fill()
    first = menu.actions()[0]
    assert (first.text(), first.isEnabled()) == ("The true flow", True)
    first.trigger()
    qtbot.waitUntil(lambda: any(c.states is not None for c in live.companions.all), timeout=TIMEOUT)
    assert chips(live)[1].accessibleName() == "Take True flow away"
    assert live.pictures.ways.isVisible()
    live.open("points")
    qtbot.waitUntil(lambda: live.explore.name == "points", timeout=TIMEOUT)
    menu.fill()
    assert not menu.actions()[0].isEnabled()
    assert "rings" in menu.actions()[0].toolTip()


def test_keys_and_the_list_compare_where_there_is_something_to_compare(qtbot, live):
    pictures = live.pictures
    QTest.keyClick(live, Qt.Key.Key_C)
    assert pictures.comparing.how == "side"
    joined(qtbot, live, "emoji-2")
    qtbot.waitUntil(lambda: len(pictures.others) == 1, timeout=TIMEOUT)
    QTest.keyClick(live, Qt.Key.Key_C)
    assert (pictures.comparing.how, pictures.ways.key()) == ("difference", "difference")
    assert "violet" in pictures.ways.toolTip()
    live.companions.remove("emoji-2")
    assert pictures.comparing.how == "side"
