"""What is exported can be read back, equal to what was in sight, with its facts."""

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from export_facts import FACTS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.export.arrays import npz
from studio.export.pictures import annotated, as_image, grid_array, png, square_columns
from studio.export.plot import SIDE, Dots, Lines, Window, svg

few = settings(max_examples=40, deadline=None)
SVG = "{http://www.w3.org/2000/svg}"


def noise(count, height=16, width=16, channels=3):
    return np.random.default_rng(count).integers(0, 256, (count, height, width, channels), np.uint8)


def read(content):
    image = Image.open(io.BytesIO(content))
    return np.asarray(image.convert("RGB")), image


@pytest.mark.parametrize("scale", [1, 3, 8])
def test_each_pixel_of_a_png_is_the_arrays_own(scale):
    pictures = noise(6)
    found, _ = read(png(as_image(grid_array(pictures, 3, scale)), FACTS))
    assert found.shape == (2 * 16 * scale, 3 * 16 * scale, 3)
    for index in range(6):
        top, left = index // 3 * 16 * scale, index % 3 * 16 * scale
        tile = found[top : top + 16 * scale, left : left + 16 * scale]
        for row in range(scale):
            for column in range(scale):
                assert (tile[row::scale, column::scale] == pictures[index]).all()


@few
@given(st.integers(1, 70), st.integers(1, 9), st.integers(1, 12), st.sampled_from((1, 3)))
def test_a_grid_holds_every_picture_once_and_white_elsewhere(count, height, width, channels):
    pictures = noise(count, height, width, channels)
    columns = square_columns(count)
    grid = grid_array(pictures, columns)
    rows = -(-count // columns)
    assert grid.shape == (rows * height, columns * width, 3)
    assert rows <= columns < rows + 2
    cells = (
        grid.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)
    )
    assert (cells[:count] == pictures).all()
    assert (cells[count:] == 255).all()


def test_a_png_carries_every_fact():
    _, image = read(png(as_image(grid_array(noise(1), 1)), FACTS))
    assert image.text == FACTS.texts()
    assert image.text["command"] == FACTS.command
    assert image.text["label"] == FACTS.label


@pytest.mark.gui
@pytest.mark.parametrize("size", [16, 600])
def test_an_annotated_picture_holds_the_picture_and_words_under_it(qapp, size):
    picture = noise(1, size, size)[0]
    found, image = read(png(annotated(as_image(picture), FACTS), FACTS))
    left = (image.width - size) // 2
    assert (found[8 : 8 + size, left : left + size] == picture).all()
    words = found[8 + size + 8 :]
    assert (words.min(-1) < 128).sum() > 300
    assert (found[:, :4] == 255).all()  # nothing is cut at the border
    assert (found[:, -4:] == 255).all()


@few
@given(st.integers(1, 200), st.integers(0, 50))
def test_an_npz_gives_the_arrays_back(count, seed):
    random = np.random.default_rng(seed)
    arrays = {"x_t": random.normal(size=(count, 2)), "x_s": random.normal(size=(count, 2))}
    with np.load(io.BytesIO(npz(arrays, FACTS)), allow_pickle=False) as found:
        assert set(found) == {"x_t", "x_s", "metadata"}
        for name, array in arrays.items():
            assert found[name].dtype == np.float32
            assert (found[name] == array.astype(np.float32)).all()
        assert json.loads(str(found["metadata"])) == FACTS.values()


def plot(window):
    random = np.random.default_rng(0)
    layers = [
        Dots("start", random.normal(size=(40, 2)).astype(np.float32), "#98a1b3", 2, 0.4),
        Lines("paths", random.normal(size=(24, 7, 2)).astype(np.float32), "#7c9cff"),
        Dots("exact", random.normal(size=(30, 2)).astype(np.float32), "#f2a65a", hollow=True),
    ]
    return layers, svg(layers, window, "#20242d", FACTS)


def test_an_svg_has_as_many_marks_as_there_are():
    layers, content = plot(Window(0, 0, 2))
    groups = {g.get("id"): g for g in ElementTree.fromstring(content).iter(f"{SVG}g")}
    assert list(groups) == ["start", "paths", "exact"]
    assert len(groups["start"].findall(f"{SVG}circle")) == 40
    assert len(groups["exact"].findall(f"{SVG}circle")) == 30
    lines = groups["paths"].findall(f"{SVG}polyline")
    assert len(lines) == 7
    assert all(len(line.get("points").split()) == 24 for line in lines)
    assert groups["exact"].get("fill") == "none"
    assert groups["start"].get("fill") == layers[0].colour


@few
@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.1, 100))
def test_marks_lie_in_the_drawing_as_in_the_plane(x, y, half):
    layers, content = plot(Window(x, y, half))
    circles = ElementTree.fromstring(content).find(f"{SVG}g").findall(f"{SVG}circle")
    for circle, place in zip(circles, layers[0].places, strict=True):
        across = (float(circle.get("cx")) / SIDE * 2 - 1) * half + x
        up = (1 - float(circle.get("cy")) / SIDE * 2) * half + y
        assert (across, up) == pytest.approx(tuple(place), abs=2e-5 * half + 1e-5)


def test_an_svg_carries_its_facts_and_marks_without_numbers_are_left_out():
    layer = Dots("a", np.array([[0, 0], [np.nan, 1], [1, np.inf]], np.float32), "#fff")
    odd = replace(FACTS, model="a\x00b\ud800<&")
    root = ElementTree.fromstring(svg([layer], Window(0, 0, 1), "#000", odd))
    assert len(root.findall(f".//{SVG}circle")) == 1
    assert json.loads(root.find(f"{SVG}metadata").text)["label"] == FACTS.label
    assert "seed 20261122" in root.find(f"{SVG}title").text
