"""The command of a plot draws what the window shows: the same marks, and nearly the same pixels."""

import io
import shlex
from xml.etree import ElementTree

import numpy as np
import pytest
from export_facts import FACTS
from PIL import Image
from typer.testing import CliRunner

from engine.cli.main import app
from engine.contract.commands import jump_words, picture_words, plot_words, shell
from engine.contract.plot import LAYERS, PARTS, Plot, field_layers, hand_layers
from engine.contract.source import Moved, Source
from engine.explore.fields import fields
from engine.explore.jumps import Carrier, states
from engine.explore.models import load_model
from engine.explore.traces import traces
from studio.export.plot import Window, svg
from studio.model.field_model import Seen
from studio.model.states import Paths, States
from studio.theme.tokens import THEMES
from studio.view.explore.exporting import Sight, plot_image
from studio.view.explore.layers import layers

pytestmark = pytest.mark.gui
MODEL, OTHER = "points-eight-gaussians", "points-spiral"
SOURCE = Source(seed=3, count=300, moved=(Moved(2, 1.5, -1.0),))
T, S, WINDOW = 0.8, 0.1, Window(0.25, -0.125, 3.0)
SVG = "{http://www.w3.org/2000/svg}"


def in_the_window(workspace, shown, tokens):
    """The layers that the window makes of the engine's answers."""
    model, other = load_model(MODEL, workspace), load_model(OTHER, workspace)
    found = states(model, SOURCE, T, S)
    beside = states(other, SOURCE, T, S, carrier=Carrier(model, model_sampler()))
    traced = traces(model, SOURCE, T, S)
    seen = fields(model, T, S, (WINDOW.x, WINDOW.y, WINDOW.half), PARTS)
    cut = [x.numpy().reshape(PARTS, PARTS, 2) for x in seen]
    arrays = [x.numpy() for x in (traced.learned, traced.exact, traced.exact_x_s)]
    mine, theirs = (
        States(f.x_t.numpy(), f.x_s.numpy(), T, S, 1, 0.0, False, SOURCE, 1)
        for f in (found, beside)
    )
    return [
        *field_layers(Seen(*cut, T, S), shown, "exact" in shown, tokens),
        *layers(mine, Paths(traced.times, *arrays, T, S), shown, tokens, [theirs]),
        *hand_layers(SOURCE, mine.x_t, mine.x_s, tokens),
    ]


def model_sampler():
    from engine.contract.messages import Sampler

    return Sampler()


def by_command(tmp_path, plot, theme, name):
    """What the copied line draws."""
    words = [*jump_words(MODEL, SOURCE, T, S), *plot_words(plot)]
    line = shell([*words, *picture_words(theme=theme)], str(tmp_path / name), str(tmp_path))
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    return (tmp_path / name).read_bytes()


def marks(content, side, skipped=0):
    """Places of every circle and line of each group, as shares of the side."""
    found = []
    for group in [*ElementTree.fromstring(content).iter(f"{SVG}g")][skipped:]:
        dots = [[float(c.get("cx")), float(c.get("cy"))] for c in group.iter(f"{SVG}circle")]
        for line in group.iter(f"{SVG}polyline"):
            dots += [list(map(float, pair.split(","))) for pair in line.get("points").split()]
        found.append(np.array(dots) / side)
    return found


@pytest.mark.parametrize("shown", [LAYERS, ("start", "learned", "exact", "paths"), ("learned",)])
def test_every_mark_is_where_the_window_has_it(qapp, tmp_path, shown):
    tokens = THEMES["dark"]
    plot = Plot(shown, (OTHER,), (WINDOW.x, WINDOW.y, WINDOW.half))
    mine = in_the_window(tmp_path, shown, tokens)
    theirs = marks(by_command(tmp_path, plot, "dark", "a.svg"), 600, skipped=1)  # the grid
    wanted = marks(svg(mine, WINDOW, tokens.card, FACTS), 1000)
    assert len(theirs) == len(wanted) == len(mine)
    for one, other in zip(theirs, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)  # both are rounded to 0.01


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_pixels_are_nearly_those_of_the_window(qapp, tmp_path, theme):
    tokens = THEMES[theme]
    shown = ("start", "learned", "exact", "paths")
    plot = Plot(shown, (OTHER,), (WINDOW.x, WINDOW.y, WINDOW.half))
    image = plot_image(Sight(0, in_the_window(tmp_path, shown, tokens), WINDOW, tokens), 1)
    pointer = image.convertToFormat(image.Format.Format_RGB888)
    mine = np.frombuffer(pointer.constBits(), np.uint8).reshape(image.height(), -1)
    mine = mine[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    content = by_command(tmp_path, plot, theme, "a.png")
    theirs = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert theirs.shape == mine.shape == (800, 800, 3)
    empty = plot_image(Sight(0, [], WINDOW, tokens), 1)
    paper = np.frombuffer(
        empty.convertToFormat(empty.Format.Format_RGB888).constBits(), np.uint8
    ).reshape(800, 800, 3)
    ink = np.abs(mine.astype(int) - paper).mean()
    apart = np.abs(mine.astype(int) - theirs).mean()
    assert apart < 0.35 * ink, (apart, ink)
