"""The training loss on the pad: colours where it trained, dots as often, hatching where never."""

import numpy as np
import pytest
from PySide6.QtGui import QColor
from staged_explore import POINTS

from engine.contract.maps import LOSS_PARTS
from studio.model.map_field import trained
from studio.view.explore.map_bar import MapBar
from studio.view.explore.pad import TimePad

pytestmark = pytest.mark.gui
RARE, OFTEN, NEVER = (20, 4), (12, 3), (16, 10)


@pytest.fixture
def loss(explore, maps):
    explore.show(POINTS)
    sums, counts = np.zeros((2, LOSS_PARTS, LOSS_PARTS), np.float32)
    for place, number, mean in ((RARE, 1, 4.0), (OFTEN, 100, 1.0)):
        counts[place], sums[place] = number, number * mean
    maps.kind, maps.field = "loss", trained(70, sums, counts)
    return maps


def times(place):
    return [(k + 0.5) / LOSS_PARTS for k in place]


@pytest.mark.parametrize("name", ["dark", "light"])
def test_where_it_trains_is_coloured_and_dotted_and_the_rest_is_hatched(
    qtbot, explore, loss, theme, name
):
    theme.set(name)
    pad = TimePad(explore, loss, theme)
    qtbot.addWidget(pad)
    pad.resize(600, 600)
    explore.set_times(1.0, 1.0)
    picture = pad.grab().toImage()

    def colours(place):
        """Of all pixels of a place."""
        middle = pad.geometry_of_times.pixel(*times(place))
        reach = int(pad.geometry_of_times.side / LOSS_PARTS / 2) - 1
        around = range(-reach, reach)
        x, y = round(middle.x()), round(middle.y())
        return [picture.pixelColor(x + i, y + j).name() for i in around for j in around]

    white = {place: colours(place).count("#ffffff") for place in (RARE, OFTEN)}
    assert white[OFTEN] > 10 * white[RARE]
    assert "#fde725" in colours(RARE)  # the most: yellow
    assert "#fde725" not in colours(OFTEN)
    hatched = set(colours(NEVER))
    assert QColor(theme.tokens.card).name() in hatched
    assert len(hatched) > 1
    theme.set("dark")


def test_the_bar_says_how_much_and_how_often(qtbot, explore, loss, theme):
    bar = MapBar(explore, loss, theme)
    qtbot.addWidget(bar)
    explore.set_times(*times(OFTEN))
    assert bar.here.text() == "1 here, 99 % of samples"
    assert bar.most.text() == "4"
    explore.set_times(*times(NEVER))
    assert bar.here.text() == "never trained here"
    assert "proves nothing" in bar.said.text()
    assert "weight" in bar.toolTip()
