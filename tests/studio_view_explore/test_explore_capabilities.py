"""What a model may be asked is seen on the pad, said on the card and offered by the form."""

import pytest
from msgspec.structs import replace
from PySide6.QtGui import QColor
from staged_explore import PICTURES, POINTS

from engine.contract.catalogue import Grid, Guidance
from engine.contract.messages import Sampler
from studio.theme.tokens import mix
from studio.view.explore.pad import TimePad
from studio.view.explore.sampler_form import SamplerForm
from studio.view.explore.times import BADGES, DONE, meaning

pytestmark = pytest.mark.gui


TOLD = Guidance(1.0, 8.0, 2.0, 0.0, 0.75, told=True)
GUIDED = ("Guidance", "Guided from", "Guided to")


def of(capability, model=POINTS, **more):
    return replace(model, capability=capability, **more)


@pytest.fixture
def pad(qtbot, explore, maps, theme):
    made = TimePad(explore, maps, theme)
    qtbot.addWidget(made)
    made.resize(320, 320)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def form(qtbot, explore, theme):
    made = SamplerForm(explore)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def colour(pad, t, s):
    shot = pad.grab().toImage()
    return shot.pixelColor(pad.geometry_of_times.pixel(t, s).toPoint())


def near(one, other):
    return max(abs(a - b) for a, b in zip(one.getRgb(), QColor(other).getRgb(), strict=True)) <= 12


def ground(pad, t, s):
    """The colour that most pixels right of a place have."""
    image, at = pad.grab().toImage(), pad.geometry_of_times.pixel(t, s).toPoint()
    row = [image.pixel(at.x() + step, at.y()) for step in range(28)]
    return max(row, key=row.count)


def test_a_flow_map_is_hatched_above_the_diagonal_and_a_velocity_is_not(pad, explore):
    explore.set_times(1.0, 0.0)
    tokens = pad._theme.tokens
    paper = pad.grab().toImage().pixel(2, 2)
    explore.show(of("flow map"))
    assert ground(pad, 0.05, 0.6) == paper != ground(pad, 0.8, 0.3)
    explore.show(of("velocity"))
    assert paper not in (ground(pad, 0.05, 0.6), ground(pad, 0.8, 0.3))
    explore.set_times(0.3, 0.5)
    assert colour(pad, 0.3, 0.5).name() == tokens.accent  # full: not outside
    explore.show(of("flow map"))
    assert colour(pad, 0.3, 0.5).name() == tokens.card  # hollow


def test_an_endpoint_has_one_line_that_is_exact(pad, explore):
    explore.show(of("endpoint"))
    explore.set_times(1.0, 1.0)
    tokens = pad._theme.tokens
    assert colour(pad, 0.3, 0.0).name() == tokens.accent
    pale = mix(tokens.card, tokens.soft, 0.25)
    assert near(colour(pad, 0.8, 0.3), pale)
    assert near(colour(pad, 0.15, 0.5), pale)
    explore.set_times(0.3, 0.5)
    assert colour(pad, 0.3, 0.5).name() == tokens.accent  # not outside: noise is added
    explore.show(of("flow map"))
    explore.set_times(1.0, 1.0)
    assert colour(pad, 0.3, 0.0).name() != tokens.accent


def test_a_dyadic_model_has_a_dot_for_each_step_that_it_learned(pad, explore):
    explore.set_times(1.0, 1.0)
    explore.show(of("dyadic", grid=Grid(8)))
    dot = colour(pad, 0.75, 0.5)
    assert dot == colour(pad, 0.625, 0.5) == colour(pad, 0.5, 0.25)
    assert dot != colour(pad, 0.75, 0.25)
    explore.show(of("dyadic", grid=Grid(8, 1)))
    assert colour(pad, 0.625, 0.5) == dot != colour(pad, 0.75, 0.5)


def test_a_composed_jump_is_drawn_as_its_steps(pad, explore):
    explore.show(of("dyadic", grid=Grid(8)))
    explore.set_times(0.75, 0.125)
    accent = pad._theme.tokens.accent
    assert colour(pad, 0.75, 0.5).name() == colour(pad, 0.5, 0.25).name() == accent
    assert colour(pad, 0.25, 0.125).name() == accent


@pytest.mark.parametrize(
    ("capability", "t", "s", "words"),
    [
        ("flow map", 0.3, 0.5, "outside the trained triangle"),
        ("flow map", 1.0, 0.0, "all the way from noise to data"),
        ("velocity", 0.3, 0.5, "the ODE backwards"),
        ("velocity", 1.0, 0.0, "all the way from noise to data"),
        ("endpoint", 1.0, 0.0, "all the way from noise to data"),
        ("endpoint", 0.8, 0.5, "denoise, then add noise up to σ = 1"),
        ("endpoint", 0.3, 0.5, "denoise, then add noise up to σ = 1"),
        ("endpoint", 0.5, 0.5, "the identity: nothing moves"),
        ("dyadic", 0.5, 0.25, "one step that was learned"),
        ("dyadic", 0.75, 0.125, "composed of 3 learned steps"),
        ("dyadic", 0.25, 0.75, "outside the trained triangle"),
    ],
)
def test_the_line_says_what_a_jump_is_for_this_model(pad, explore, capability, t, s, words):
    assert words in meaning(t, s, of(capability))
    explore.show(of(capability))
    explore.set_times(t, s)
    assert words in pad.accessibleDescription()


@pytest.mark.parametrize(
    ("capability", "t", "s", "how"),
    [
        ("flow map", 0.9, 0.2, "jump"),
        ("velocity", 0.9, 0.2, "ODE"),
        ("endpoint", 1.0, 0.0, "jump"),
        ("endpoint", 1.0, 0.4, "re-noise"),
        ("flow map", 0.4, 0.4, "stay"),
    ],
)
def test_the_card_says_what_was_done(points, explore, capability, t, s, how):
    explore.show(of(capability))
    explore.set_times(t, s)
    points.jump.read()
    assert points.jump.done.text().startswith(DONE[how])
    assert points.jump.badge.text() == capability
    assert points.jump.badge.toolTip() == BADGES[capability]
    shown = points.jump.numbers.text("error against exact")
    assert (shown == "–") == (how == "re-noise")


def test_an_endpoint_says_how_x_t_came_and_why_there_is_no_path(points, explore):
    explore.show(of("endpoint"))
    explore.set_times(0.6, 0.2)
    points.jump.read()
    text = points.jump.done.text()
    assert "xₜ was made from noise in the same way." in text
    assert text.endswith("There is no path to draw.")
    names = {layer.name for layer in points.particles.plot.layers()}
    assert "exact paths" in names
    points.particles.plot.grab()  # no path is nothing to draw, and no harm
    explore.set_times(1.0, 0.0)
    points.jump.read()
    assert "in the same way" not in points.jump.done.text()


@pytest.mark.parametrize(
    ("model", "steps", "offered"),
    [
        (of("velocity"), 1, {"Solver", "Times"}),
        (of("velocity", PICTURES, guidance=Guidance()), 1, {"Solver", "Times", "Guidance"}),
        (of("flow map", PICTURES, guidance=TOLD), 1, {"Noise γ", *GUIDED}),
        (of("flow map", PICTURES, guidance=replace(TOLD, omega=1.0)), 1, {"Noise γ", "Guidance"}),
        (of("flow map"), 1, {"Noise γ"}),
        (of("flow map"), 4, {"Noise γ", "Times"}),
        (of("endpoint"), 1, set()),
        (of("endpoint"), 2, {"Times"}),
        (of("dyadic"), 2, {"Noise γ"}),
    ],
)
def test_the_form_offers_what_applies(form, explore, model, steps, offered):
    explore.show(model)
    explore.set_steps(steps)
    assert form.offered() == offered
    seen = {name for name, row in form._rows.items() if row[1].isVisibleTo(form)}
    assert seen == offered
    assert form.isVisible() == bool(offered)


def test_what_is_chosen_is_what_the_model_is_asked(form, explore):
    explore.show(of("velocity", PICTURES, guidance=Guidance()))
    form.solver.setCurrentIndex(form.solver.findData("dpm++2m"))
    form.solver.activated.emit(form.solver.currentIndex())
    form.times.setCurrentIndex(form.times.findData("karras"))
    form.times.activated.emit(form.times.currentIndex())
    form.guidance.setValue(2.5)
    assert explore.sampler == Sampler(None, "dpm++2m", "karras", 2.5)
    explore.show(of("flow map"))
    assert explore.sampler == Sampler(times="karras")
    form.gamma.setValue(0.5)
    assert explore.sampler.gamma == 0.5
    explore.set_times(0.9, 0.3)
    assert explore.states.how == "re-noise"
    explore.set_sampler(Sampler())
    assert form.gamma.value() == 0.0


def test_a_model_that_learned_all_guidances_shows_its_own_and_takes_another(form, explore):
    explore.show(of("flow map", PICTURES, guidance=TOLD))
    boxes = form.guidance, form.start, form.end
    assert [box.value() for box in boxes] == [2.0, 0.0, 0.75]
    assert (form.guidance.minimum(), form.guidance.maximum()) == (1.0, 8.0)
    assert explore.sampler == Sampler()
    form.guidance.setValue(5.0)
    form.start.setValue(0.9)  # it ends at 0.75
    assert explore.sampler == Sampler(guidance=5.0, guidance_from=0.75)
    form.end.setValue(0.5)
    assert explore.sampler == Sampler(guidance=5.0, guidance_from=0.75)
    form.guidance.setValue(1.0)
    assert form.offered() == {"Noise γ", "Guidance"}
    explore.show(of("flow map"))
    assert explore.sampler == Sampler()
    assert not set(GUIDED) & form.offered()


def test_a_dyadic_model_takes_no_new_noise_or_all_of_it(form, explore):
    explore.show(of("dyadic"))
    form.gamma.stepUp()
    assert (explore.sampler.gamma, form.gamma.value()) == (1.0, 1.0)
    form.gamma.setValue(0.5)
    assert (explore.sampler.gamma, form.gamma.value()) == (None, 0.0)
