"""Laws of the form: what is undone was never done, and a bad text changes no spec."""

from typing import Any

import msgspec
from fake_world import PICTURES, PRESETS, FakeWorld
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import run

from engine.contract.catalogue import POINT_SETS
from engine.contract.schema import SpecError, fields, with_value
from engine.contract.specs import MLP, DiT, UNet
from studio.model.catalogue_model import CatalogueModel
from studio.model.form_model import FormModel

KEYS = sorted({f.key for p in PRESETS for f in fields(p.spec)})
TEXTS = st.one_of(
    st.sampled_from(["", "x", "-1", "0.5", "1e999", "nan", "true", "mlp", "unet", "3", "1,2", "8"]),
    st.text(max_size=5),
    st.integers(-10, 10**9),
    st.floats(),
    st.booleans(),
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from(KEYS), TEXTS),
        st.tuples(st.just("preset"), st.sampled_from([p.name for p in PRESETS]), st.none()),
        st.tuples(st.just("reset"), st.sampled_from(KEYS), st.none()),
        st.tuples(st.just("commit"), st.none(), st.none()),
    ),
    max_size=20,
)


WORLD = FakeWorld()
WORLD.link.alive = True
CATALOGUE = CatalogueModel(WORLD.link)
run(CATALOGUE.refresh())


def form_on_preset(name: str = "points-meanflow") -> FormModel:
    """A form that stands on a preset with nothing to undo."""
    form = FormModel(CATALOGUE)
    CATALOGUE.changed.emit()
    assert form.preset_name == "points-meanflow"
    assert not form.can_undo
    if name != form.preset_name:
        form.choose_preset(name)
    return form


def look(form: FormModel) -> Any:
    """Everything that the form shows."""
    texts = {f.key: form.text(f.key) for f in form.fields()}
    return form.spec, form.preset_name, form.fields(), form.problems(), texts


def edit(form: FormModel, what: str, key: str | None, value: Any) -> None:
    known = {f.key for f in form.fields()}
    if what == "set" and key is not None:
        form.set(key, value)
    elif what == "preset" and key is not None:
        form.choose_preset(key)
    elif what == "reset" and key in known:
        form.reset(key)
    elif what == "commit":
        form.commit()


@given(EDITS)
@settings(max_examples=60, deadline=None)
def test_undoing_everything_returns_to_the_start_and_redoing_to_the_end(edits: list) -> None:
    form = form_on_preset()
    start, looks = look(form), [look(form)]
    for one in edits:
        edit(form, *one)
        looks.append(look(form))
    end, steps = look(form), 0
    while form.can_undo:
        form.undo()
        steps += 1
        assert look(form) in looks
    assert look(form) == start
    for _ in range(steps):
        form.redo()
    assert not form.can_redo
    assert look(form) == end


@given(st.sampled_from(KEYS), TEXTS)
@settings(max_examples=150, deadline=None)
def test_a_value_is_taken_or_kept_beside_as_a_problem(key: str, value: Any) -> None:
    form = form_on_preset()
    before = form.spec
    form.set(key, value)
    try:
        wanted = with_value(before, key, value)
    except SpecError:
        assert form.spec == before
        if key in {f.key for f in fields(before) if f.shown}:
            assert form.text(key) == str(value)
            assert key in {p.key for p in form.problems()}
        return
    assert form.spec == wanted
    assert form.text(key) is None
    if key in {f.key for f in fields(form.spec)}:
        again = next(f.value for f in form.fields() if f.key == key)
        form.set(key, str(again) if not isinstance(again, tuple) else again)
        assert form.text(key) is None
    msgspec.json.decode(msgspec.json.encode(form.spec), type=type(form.spec))


def test_typing_in_one_field_is_one_step_back() -> None:
    form = form_on_preset()
    before = form.spec
    for text in ("1", "12", "12x", "128", "1280"):
        form.set("training.batch", text)
    assert form.spec.training.batch == 1280
    form.undo()
    assert form.spec == before
    form.redo()
    assert form.spec.training.batch == 1280


def test_leaving_a_field_or_another_field_ends_the_step() -> None:
    form = form_on_preset()
    form.set("training.batch", "1")
    form.commit()
    form.set("training.batch", "2")
    form.set("training.steps", "500")
    form.set("training.batch", "3")
    seen = []
    while form.can_undo:
        form.undo()
        seen.append((form.spec.training.batch, form.spec.training.steps))
    assert seen == [(2, 500), (2, 4000), (1, 4000), (512, 4000)]


def test_a_good_value_clears_the_bad_text() -> None:
    form = form_on_preset()
    form.set("training.learning_rate", "fast")
    assert [p.key for p in form.problems()] == ["training.learning_rate"]
    form.set("training.learning_rate", "1e-3")
    assert form.problems() == []
    assert form.text("training.learning_rate") is None


def test_a_new_edit_ends_what_could_be_redone() -> None:
    form = form_on_preset()
    form.set("seed", 1)
    form.undo()
    assert form.can_redo
    form.set("seed", 2)
    assert not form.can_redo


def test_an_edit_after_undoing_can_be_undone() -> None:
    form = form_on_preset()
    start = form.spec
    form.set("seed", 1)
    form.undo()
    form.set("seed", 2)
    form.undo()
    assert form.spec == start


def test_each_change_is_told_once_and_no_change_is_not() -> None:
    form = form_on_preset()
    told: list[int] = []
    form.changed.connect(lambda: told.append(1))
    form.set("seed", 5)
    form.set("seed", "5")
    assert len(told) == 1
    form.undo()
    form.undo()
    assert len(told) == 2


def test_resetting_returns_to_the_preset() -> None:
    form = form_on_preset("emoji-16-meanflow")
    assert not form.modified
    form.set("network.channels", 32)
    form.set("data.name", "cifar")
    assert form.modified
    form.reset("network.channels")
    form.reset("data.name")
    assert form.spec == PRESETS[1].spec
    assert all(f.value == f.default for f in form.fields())


def test_a_chosen_preset_can_be_taken_back() -> None:
    form = form_on_preset()
    form.set("seed", 7)
    mine = form.spec
    form.choose_preset("emoji-16-meanflow")
    assert form.spec == PRESETS[1].spec
    form.undo()
    assert form.spec == mine


def test_data_is_a_choice_of_what_suits_the_network() -> None:
    form = form_on_preset()

    def choices() -> tuple[str, ...]:
        field = next(f for f in form.fields() if f.key == "data.name")
        assert field.kind == "choice"
        return field.choices

    assert choices() == tuple(d.name for d in POINT_SETS)
    form.choose_preset("emoji-16-meanflow")
    assert choices() == (PICTURES.name,)
    form.set("data.name", "gone")
    assert choices() == (PICTURES.name, "gone")
    assert "data.name" in {p.key for p in form.problems()}


def test_problems_know_the_kind_of_the_data() -> None:
    form = form_on_preset()
    for tag, kind in (("unet", UNet), ("dit", DiT), ("mlp", MLP)):
        form.set("network", tag)
        assert isinstance(form.spec.network, kind)
        assert bool(form.problems()) == (kind is not MLP)


def test_a_data_set_without_labels_has_nothing_to_condition_on() -> None:
    form = form_on_preset()
    form.set("data.labels", True)
    assert [p.key for p in form.problems()] == ["data.labels"]
    form.choose_preset("emoji-16-meanflow")
    form.set("data.labels", True)
    assert form.problems() == []


def test_problems_follow_the_order_of_the_fields() -> None:
    form = form_on_preset()
    order = [f.key for f in form.fields()]
    for key in ("training.warmup", "seed", "data.label_dropout", "network.width"):
        form.set(key, "x")
    found = [p.key for p in form.problems()]
    assert found == sorted(found, key=order.index)
    assert found[0] == "network.width"  # label dropout is not shown, so it cannot be wrong


def test_a_field_that_vanishes_takes_its_bad_text_along() -> None:
    form = form_on_preset()
    form.set("network.depth", "deep")
    form.set("network", "unet")
    assert "network.depth" not in {p.key for p in form.problems()}
    form.undo()
    assert form.text("network.depth") == "deep"


def test_an_edited_form_keeps_its_spec_when_the_catalogue_comes() -> None:
    form = FormModel(CATALOGUE)
    form.set("seed", 3)
    mine = form.spec
    CATALOGUE.changed.emit()
    assert form.spec == mine
