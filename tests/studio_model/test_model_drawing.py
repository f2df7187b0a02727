"""Strokes can be taken back exactly, nothing lies outside, and a drawing becomes a data set."""

import asyncio
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fake_world import FakeWorld
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import run, until

from engine.contract import messages as m
from studio.model.catalogue_model import CatalogueModel
from studio.model.drawing_model import DENSITIES, LEAST, RADII, DrawingModel
from studio.model.drawing_strokes import HALF, MOST, Strokes
from studio.model.form_model import FormModel
from studio.model.models import Models

PLACES = st.tuples(*[st.floats(-5, 5, width=32)] * 2)
STROKES = st.lists(
    st.one_of(
        st.tuples(st.just("spray"), PLACES, PLACES),
        st.tuples(st.just("wipe"), PLACES, PLACES),
        st.tuples(st.sampled_from(["clear", "undo", "redo"]), st.none(), st.none()),
    ),
    max_size=25,
)


CATALOGUE = CatalogueModel(FakeWorld().link)
FORM = FormModel(CATALOGUE)


def drawing() -> DrawingModel:
    return DrawingModel(CATALOGUE, FORM, seed=0)


def do(made: DrawingModel, what: str, start: tuple | None, end: tuple | None) -> None:
    if start is None:
        getattr(made, what)()
    else:
        getattr(made, what)(start, end)
        made.end_stroke()


@given(STROKES, st.booleans())
@settings(max_examples=80, deadline=None)
def test_undoing_everything_and_redoing_it_passes_the_same_drawings(edits, mirror) -> None:
    made = drawing()
    made.set_brush(radius=0.8, density=40, mirror=mirror)
    for edit in edits:
        do(made, *edit)
    strokes = made.strokes
    assert strokes.count == len(strokes.points())
    assert (np.abs(strokes.points()) <= HALF).all()
    passed = [strokes.points()]
    while strokes.can_undo:
        made.undo()
        passed.append(strokes.points())
    assert strokes.count == 0
    for before in passed[-2::-1]:
        made.redo()
        assert np.array_equal(strokes.points(), before)
    while strokes.can_redo:
        made.redo()
    assert strokes.count == len(strokes.points())


@given(STROKES)
@settings(max_examples=80, deadline=None)
def test_who_draws_only_what_is_new_sees_the_whole_drawing(edits) -> None:
    made, seen, state = drawing(), np.empty((0, 2), np.float32), (0, 0)
    strokes = made.strokes
    for edit in edits:
        do(made, *edit)
        rewritten, start = state
        seen = seen if rewritten == strokes.rewritten else seen[:0]
        start = start if rewritten == strokes.rewritten else 0
        seen = np.concatenate((seen, strokes.points(start)))
        state = (strokes.rewritten, strokes.size)
        assert np.array_equal(seen, strokes.points())


def test_a_wipe_takes_all_that_is_near_its_way_and_nothing_else() -> None:
    strokes = Strokes()
    grid = np.stack(np.meshgrid(*[np.linspace(-4, 4, 81)] * 2), -1).reshape(-1, 2)
    grid = grid.astype(np.float32)
    strokes.add(grid)
    strokes.wipe((-2, 0), (2, 0), 0.55)
    x, y = grid.T
    away = np.hypot(np.maximum(np.abs(x) - 2, 0), y)
    assert np.array_equal(strokes.points(), grid[away > 0.55])
    strokes.undo()
    assert np.array_equal(strokes.points(), grid)


def test_what_was_taken_back_is_gone_when_something_else_is_drawn() -> None:
    made = drawing()
    made.spray((-1, 0), (1, 0))
    made.end_stroke()
    first = made.strokes.points()
    made.spray((0, -1), (0, 1))
    made.undo()
    assert made.strokes.can_redo
    made.wipe((-1, 0), (-1, 0))
    made.end_stroke()
    assert not made.strokes.can_redo
    made.undo()
    assert np.array_equal(made.strokes.points(), first)


@pytest.mark.parametrize("parts", [1, 7, 100])
def test_a_stroke_leaves_points_for_its_length_however_it_is_cut(parts) -> None:
    made = drawing()
    made.set_brush(radius=0.3, density=200)
    line = np.linspace(-2, 2, parts + 1)
    for start, end in pairwise(line):
        made.spray((start, 1.0), (end, 1.0))
    points = made.strokes.points()
    assert len(points) in (799, 800)
    assert (np.hypot(np.maximum(np.abs(points[:, 0]) - 2, 0), points[:, 1] - 1) <= 0.3001).all()
    assert points[:, 0].std() == pytest.approx(4 / 12**0.5, rel=0.03)


def test_a_dab_is_a_normal_spread_that_ends_at_the_radius() -> None:
    made = drawing()
    made.set_brush(radius=1.0, density=1000)
    for _ in range(10):
        made.dab((0.0, 0.0))
    away = np.hypot(*made.strokes.points().T)
    assert len(away) == 20_000
    assert away.max() <= 1.0001
    within = np.array([(away < r).mean() for r in (0.25, 0.5, 0.75)])
    wanted = 1 - np.exp(-2 * np.array([0.25, 0.5, 0.75]) ** 2)
    np.testing.assert_allclose(within, wanted / (1 - np.exp(-2)), atol=0.015)


def test_a_mirror_draws_and_wipes_on_both_sides() -> None:
    made = drawing()
    made.set_brush(mirror=True)
    made.spray((1, 1), (2, 2))
    points = made.strokes.points()
    assert np.array_equal(points[1::2], points[::2] * np.array((-1, 1), np.float32))
    made.set_brush(radius=RADII[1])
    made.wipe((-2, 2), (-1, 1))
    assert made.strokes.count == 0


def test_brush_and_count_have_limits() -> None:
    made = drawing()
    made.set_brush(radius=99, density=99_999)
    assert (made.radius, made.density) == (RADII[1], DENSITIES[1])
    made.set_brush(radius=0, density=0)
    assert (made.radius, made.density) == (RADII[0], DENSITIES[0])
    made.strokes.add(np.zeros((MOST - 3, 2), np.float32))
    made.strokes.add(np.ones((10, 2), np.float32))
    made.strokes.add(np.ones((10, 2), np.float32))
    assert made.strokes.count == MOST


def test_the_most_that_can_be_drawn_travels_in_one_message() -> None:
    points = np.full((MOST, 2), 3.9999, np.float32)
    header = m.encode(m.ImportPoints(1, "x" * 64, points.tobytes()))
    assert len(header) < 1 << 20
    assert m.decode(header) == m.ImportPoints(1, "x" * 64, points.tobytes())


def world_with_drawing(tmp_path: Path) -> tuple[FakeWorld, Models, list[str]]:
    world, told = FakeWorld(), list[str]()
    world.link.open()
    models = Models(world.link, tmp_path / "studio.ini")
    models.drawing.refused.connect(told.append)
    return world, models, told


def test_a_drawing_becomes_a_data_set_and_the_forms(tmp_path: Path) -> None:
    async def scenario() -> None:
        world, models, told = world_with_drawing(tmp_path)
        await models.catalogue.refresh()
        made = models.drawing
        assert made.free_name() == "drawing-1"
        made.spray((-2, -1), (2, 1))
        points = made.strokes.points()
        made.use("drawing-1")
        made.use("drawing-1")  # a second click
        made.clear()  # what is on its way stays as it is
        assert made.busy
        assert made.strokes.count
        await until(lambda: not made.busy)
        assert np.array_equal(world.drawn["drawing-1"], points)
        assert [type(a) for a in world.link.asked].count(m.ImportPoints) == 1
        assert models.form.spec.data.name == "drawing-1"
        assert models.form.problems() == []
        assert made.strokes.count == 0
        assert made.free_name() == "drawing-2"
        assert not told
        models.form.undo()
        assert models.form.spec.data.name == "eight-gaussians"
        made.undo()
        assert np.array_equal(made.strokes.points(), points)  # to draw another like it

    run(scenario())


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [
        ("My Heart", 200, "cannot be the name"),
        ("", 200, "cannot be the name"),
        ("rings", 200, "already a data set 'rings'"),
        ("heart", LEAST - 1, f"at least {LEAST} points; here are {LEAST - 1}."),
    ],
)
def test_what_is_in_the_way_is_one_sentence_and_the_drawing_stays(
    tmp_path: Path, name: str, count: int, words: str
) -> None:
    async def scenario() -> None:
        world, models, told = world_with_drawing(tmp_path)
        await models.catalogue.refresh()
        models.drawing.strokes.add(np.zeros((count, 2), np.float32))
        models.drawing.use(name)
        assert len(told) == 1
        assert words in told[0]
        assert models.drawing.strokes.count == count
        assert not world.link.of(m.ImportPoints)

    run(scenario())


def test_what_the_engine_refuses_loses_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        world, models, told = world_with_drawing(tmp_path)
        await models.catalogue.refresh()
        spec = models.form.spec
        models.drawing.spray((-2, -1), (2, 1))
        points = models.drawing.strokes.points()
        world.link.on(m.ImportPoints, lambda r: m.Refused(r.id, "The disk is full."))
        models.drawing.use("heart")
        await until(lambda: told)
        world.link.hold()
        models.drawing.use("heart")
        await asyncio.sleep(0)
        world.link.die("The engine is gone.")
        await until(lambda: len(told) == 2)
        assert told == ["The disk is full.", "The engine is gone."]
        assert np.array_equal(models.drawing.strokes.points(), points)
        assert not models.drawing.busy
        assert models.form.spec == spec

    run(scenario())
