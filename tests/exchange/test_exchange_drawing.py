"""What is drawn is what was given, in pixels and as SVG, with its facts."""

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
from PIL import Image

from engine.contract.facts import Facts
from engine.contract.maps import map_info
from engine.contract.plot import Ways, jump_layers
from engine.contract.scales import VIRIDIS
from engine.exchange.arrays import hdf5, npz
from engine.exchange.canvas import Raster, Svg, png, width_of, wrapped
from engine.exchange.map_sheet import Measured, Words, map_sheet
from engine.exchange.palette import PALETTES
from engine.exchange.pictures import fitting_scale, grid, on_paper
from engine.exchange.plots import SIDE, Window, draw_layers, window_of
from studio.export.pictures import grid_array
from studio.theme.tokens import THEMES

SVG = "{http://www.w3.org/2000/svg}"
FACTS = Facts(
    "m@5", "MeanFlow", "emoji-16", 5, 0.99, 1.0, 0.25, 1, "noise", 7, 4, "Gefühle <σ>",
    command="flowmap-engine jump 'a b'", more={"film": "scrub"},
)  # fmt: skip
LOOK = PALETTES["dark"]


def pixels(content):
    image = Image.open(io.BytesIO(content))
    return np.asarray(image.convert("RGB")), image


def noise(count, side=16, channels=3):
    return np.random.default_rng(count).integers(0, 256, (count, side, side, channels), np.uint8)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_colours_are_those_of_the_window(name):
    mine, theirs = PALETTES[name], THEMES[name]
    assert (mine.card, mine.line, mine.text, mine.muted) == (
        theirs.card,
        theirs.line,
        theirs.text,
        theirs.muted,
    )
    assert (mine.learned, mine.models) == (theirs.models[0], theirs.models)


@pytest.mark.parametrize("count", [1, 3, 4, 10])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_is_that_of_the_window_bit_for_bit(count, channels):
    pictures = noise(count, channels=channels)
    columns = int(np.ceil(np.sqrt(count)))
    np.testing.assert_array_equal(grid(pictures, 3), grid_array(pictures, columns, 3))


def test_a_picture_on_paper_is_not_touched():
    lain = grid(noise(4), 2)
    found, image = pixels(on_paper(lain, FACTS.lines(), LOOK).content(FACTS))
    left = (found.shape[1] - lain.shape[1]) // 2
    np.testing.assert_array_equal(found[: len(lain), left : left + lain.shape[1]], lain)
    words = found[len(lain) :]
    assert (words[:, :6] == words[0, 0]).all()  # nothing is cut at the border
    assert (words[:, -6:] == words[0, 0]).all()
    assert (words.max(-1) > 180).sum() > 100
    assert image.text == FACTS.texts()
    plain, _ = pixels(on_paper(lain, (), LOOK).content(FACTS))
    np.testing.assert_array_equal(plain, lain)


def test_pictures_are_enlarged_as_far_as_they_fit():
    assert fitting_scale(noise(16), 512) == 8
    assert fitting_scale(noise(16), 511) == 7
    assert fitting_scale(noise(16), 10) == 1


def test_a_png_carries_words_that_are_no_text():
    odd = replace(FACTS, model="a\ud800b")
    assert pixels(png(Image.new("RGB", (2, 2)), odd))[1].text["model"] == "a?b"


def test_a_disc_lies_where_it_was_put():
    made = Raster(100, 50, "#000000", 2)
    made.dots(np.array([[30.0, 20.0], [np.nan, 1], [np.inf, 1]]), 4, "#ffffff")
    found = np.asarray(made.image)[..., 0].astype(float)
    rows, columns = np.nonzero(found)
    assert found.sum() / 255 == pytest.approx(np.pi * 8**2, rel=0.05)
    assert np.average(columns, weights=found[rows, columns]) == pytest.approx(60, abs=1)
    assert np.average(rows, weights=found[rows, columns]) == pytest.approx(40, abs=1)


def test_marks_of_a_layer_are_no_more_opaque_where_they_cover_each_other():
    made = Raster(20, 20, "#000000")
    made.dots(np.array([[10.0, 10.0]] * 50), 5, "#ffffff", 0.5)
    assert np.asarray(made.image).max() in (127, 128)


def test_words_are_wrapped_and_none_is_lost():
    text = "one two three four five six seven eight " * 5
    lines = wrapped(text, 12, 100)
    assert " ".join(lines).split() == text.split()
    assert all(width_of(line, 12) <= 100 for line in lines)


def test_places_of_the_plane_lie_in_the_drawing():
    window = Window(1.0, -2.0, 0.5)
    corners = window.units(np.array([[0.5, -1.5], [1.5, -2.5], [1.0, -2.0]]))
    np.testing.assert_allclose(corners, [[0, 0], [SIDE, SIDE], [SIDE / 2, SIDE / 2]])


def test_a_window_holds_nearly_all_of_every_cloud():
    clouds = [np.random.default_rng(k).normal(k, 1, (500, 2)).astype(np.float32) for k in range(3)]
    window = window_of(clouds)
    inside = np.abs(np.concatenate(clouds) - (window.x, window.y)).max(1) <= window.half
    assert inside.mean() > 0.98
    assert window_of([np.full((3, 2), np.nan, np.float32)]).half > 0
    assert window_of([np.zeros((3, 2), np.float32)]).half > 0


def test_a_plot_has_every_point_as_a_shape():
    canvas = Svg(SIDE, SIDE, LOOK.card)
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    ways = Ways(np.stack([points, points + 1]), exact_x_s=points)
    layers = jump_layers(points, points, ways, ("start", "learned", "paths"), LOOK)
    draw_layers(canvas, Window(0, 0, 3), LOOK, layers)
    root = ElementTree.fromstring(canvas.content(FACTS))
    assert len(root.findall(f".//{SVG}circle")) == 100
    assert json.loads(root.find(f"{SVG}metadata").text) == FACTS.values()
    assert "seed 7" in root.find(f"{SVG}title").text


def field(capability="flow map"):
    cells = np.array([(t, s) for t in (0.25, 0.75) for s in (0.25, 0.75) if s <= t])
    if capability == "endpoint":
        cells = np.array([(0.25, 0.0), (0.75, 0.0)])
    return Measured(cells, np.arange(1.0, len(cells) + 1, dtype=np.float32), 0.5, capability)


@pytest.mark.parametrize("capability", ["flow map", "velocity", "dyadic", "endpoint"])
def test_a_map_shows_each_value_in_its_place(capability):
    found = field(capability)
    words = Words(map_info("error"), "m", ())
    shown, _ = pixels(map_sheet(found, words, LOOK, False).content(FACTS))
    left, top, side = 66, 78, 560
    for (t, s), value in zip(found.cells, found.values, strict=True):
        across, up = t + 0.05, max(0.02, s - 0.05)
        colour = shown[round(top + (1 - up) * side), round(left + across * side)]
        np.testing.assert_array_equal(colour, VIRIDIS[round(value / found.most * 255)])
    outside = shown[top + 100, left + 40]
    assert tuple(outside) not in {tuple(colour) for colour in VIRIDIS}


def test_a_map_as_svg_says_what_it_measures_and_how_much():
    found = field()
    found.values[0] = np.inf
    sheet = map_sheet(found, Words(map_info("defect"), "m <&", ("More.",)), LOOK, True)
    root = ElementTree.fromstring(sheet.content(FACTS))
    said = " ".join(text.text for text in root.iter(f"{SVG}text"))
    assert map_info("defect").meaning in said
    assert map_info("defect").zero in said
    for words in ("m <&", "More.", "t, where we stand", "s, where we jump to", "root mean square"):
        assert words in said
    assert found.most == 3
    cells = [r for r in root.iter(f"{SVG}rect") if float(r.get("width")) == 280]
    assert len(cells) == 3
    assert cells[0].get("fill") == "#" + bytes(VIRIDIS[-1]).hex()  # no finite answer


def test_a_loss_has_a_dot_in_each_place_that_is_larger_where_more_is_trained():
    found = field()._replace(share=np.array([0.1, 0.1, 0.8], np.float32))
    sheet = map_sheet(found, Words(map_info("loss"), "m", (), "mean square"), LOOK, True)
    root = ElementTree.fromstring(sheet.content(FACTS))
    radii = [float(dot.get("r")) for dot in root.iter(f"{SVG}circle")]
    assert len(radii) == 3
    assert radii[0] == radii[1] < radii[2] <= 560 / 8
    assert "root mean square" not in " ".join(text.text for text in root.iter(f"{SVG}text"))


def test_arrays_are_given_back_with_where_they_come_from():
    arrays = {"x_t": noise(3).astype(np.float32), "x_s": np.zeros((0, 2)), "t": np.array(0.25)}
    with np.load(io.BytesIO(npz(arrays, FACTS)), allow_pickle=False) as found:
        assert json.loads(str(found["metadata"])) == FACTS.values()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
    with h5py.File(io.BytesIO(hdf5(arrays, FACTS))) as file:
        assert dict(file.attrs) == FACTS.values()
        for name, array in arrays.items():
            assert file[name].dtype == np.float32
            np.testing.assert_array_equal(file[name][()], array)
