"""A spec refuses what it cannot take, in one sentence that names the field."""

import re

import msgspec
import pytest
import tomli_w
from contract_support import QUICK
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.catalogue import METHODS, presets
from engine.contract.errors import UserError
from engine.contract.schema import SpecError, fields, range_problem, with_value
from engine.contract.specs import (
    MLP,
    Data,
    DiT,
    FlowMatching,
    MeanFlow,
    RunSpec,
    Training,
    UNet,
    problems,
    read_spec,
)

SPECS = [
    RunSpec(Data("d"), method, network)
    for method in (FlowMatching(), MeanFlow())
    for network in (MLP(), UNet(), DiT())
]
KEYS = sorted({field.key for spec in SPECS for field in fields(spec)})


def is_a_sentence(text):
    return bool(re.fullmatch(r"[^\n]{4,}[.?]", text))


def attempt(spec, key, value):
    """The changed spec, or the error."""
    try:
        return with_value(spec, key, value), None
    except SpecError as error:
        return spec, error


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.method.__class__.__name__} {s.network}")
def test_defaults_have_no_problem_and_every_field_takes_its_own_value(spec):
    kind = "points" if isinstance(spec.network, MLP) else "images"
    assert problems(spec, kind) == []
    for field in fields(spec):
        assert range_problem(field) is None
        assert with_value(spec, field.key, field.value) == spec
        assert field.help.endswith(".")
        assert field.label


@pytest.mark.parametrize("key", KEYS)
def test_any_text_is_taken_or_refused_in_a_sentence(key):
    spec = next(s for s in SPECS if key in {f.key for f in fields(s)})

    @QUICK
    @given(st.text(max_size=12) | st.floats().map(str) | st.integers().map(str))
    def check(text):
        changed, error = attempt(spec, key, text)
        if error:
            assert error.key == key
            assert is_a_sentence(str(error))
            return
        assert [f.value for f in fields(changed) if f.key == key] or key in ("method", "network")
        assert read_spec(msgspec.to_builtins(changed)) == changed

    check()


@pytest.mark.parametrize("key", KEYS)
def test_range_ends_are_taken_and_what_is_beyond_is_not(key):
    spec = next(s for s in SPECS if key in {f.key for f in fields(s)})
    field = next(f for f in fields(spec) if f.key == key)
    for end, beyond in ((field.low, -1), (field.high, 1)):
        if end is None:
            continue
        with_value(spec, key, (end,) if field.kind == "numbers" else end)
        outside = end + beyond * max(1.0, abs(end))
        with pytest.raises(SpecError, match=re.escape(field.label)):
            with_value(spec, key, (outside,) if field.kind == "numbers" else outside)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("training.batch", "0", "Batch must be at least 1, not 0."),
        ("training.batch", "many", "Batch must be a whole number, not 'many'."),
        ("training.batch", "1.5", "Batch must be a whole number, not '1.5'."),
        ("training.batch", "1e400", "Batch must be a whole number, not '1e400'."),
        ("training.batch", "nan", "Batch must be a whole number, not 'nan'."),
        ("training.learning_rate", "nan", "Learning rate must be a finite number."),
        ("training.learning_rate", "2", "Learning rate must be at most 1, not 2."),
        ("training.ema", "0.9,x", "EMA rates must be numbers, with commas between them,"),
        (
            "training.ema",
            "[0.9",
            "EMA rates must be numbers, with commas between them, not '[0.9'.",
        ),
        ("training.ema", "[[0.9]]", "EMA rates must be numbers, with commas between them,"),
        ("training.ema", "", "EMA rates must be numbers, with commas between them, not ''."),
        ("training.ema", "[2]", "EMA rates must be"),
        ("data.labels", "maybe", "Condition on labels must be true or false, not 'maybe'."),
        ("training.optimiser", "sgd", "Optimiser must be one of adamw, radam, not 'sgd'."),
        ("training.bach", "1", "There is no field 'training.bach'; did you mean 'training.batch'?"),
        ("network", "gan", "Network must be one of"),
    ],
)
def test_sentences(key, value, sentence):
    with pytest.raises(SpecError) as caught:
        with_value(SPECS[0], key, value)
    assert str(caught.value).startswith(sentence)
    assert isinstance(caught.value, UserError)


def test_text_is_read_as_the_field_s_type():
    spec = with_value(SPECS[0], "training.batch", "2e2")
    assert spec.training.batch == 200
    assert isinstance(spec.training.batch, int)
    assert with_value(spec, "training.ema", "0.9, 0.99").training.ema == (0.9, 0.99)
    assert with_value(spec, "data.labels", "True").data.labels is True
    assert with_value(spec, "network", "dit").network == DiT()
    assert with_value(spec, "method", "meanflow").method == MeanFlow()
    assert with_value(spec, "training.batch", 200) == spec


@given(st.lists(st.floats(0.0, 0.9999), max_size=4))
def test_numbers_may_be_written_as_a_list_of_toml(numbers):
    written = tomli_w.dumps({"ema": numbers}).partition("=")[2]
    assert with_value(SPECS[0], "training.ema", written).training.ema == tuple(numbers)
    assert with_value(SPECS[0], "training.ema", str(numbers)).training.ema == tuple(numbers)
    if numbers:
        plain = ", ".join(map(str, numbers))
        assert with_value(SPECS[0], "training.ema", plain).training.ema == tuple(numbers)


@pytest.mark.parametrize(
    ("change", "kind", "keys"),
    [
        ({}, "images", {"network"}),
        ({"network": DiT(width=100, heads=3)}, "images", {"network.heads"}),
        ({"network": UNet(multipliers=())}, "images", {"network.multipliers"}),
        ({"network": UNet(channels=12)}, "images", {"network.channels"}),
        ({"network": UNet()}, "points", {"network"}),
        ({"training": Training(ema=())}, "points", {"training.ema"}),
        ({"training": Training(ema=(0.9, 0.9))}, "points", {"training.ema"}),
        ({"training": Training(steps=5, warmup=5)}, "points", {"training.warmup"}),
        ({"training": Training(batch=0, steps=200)}, "points", {"training.batch"}),
        ({"training": Training(learning_rate=float("nan"))}, "", {"training.learning_rate"}),
        ({"data": Data("d", labels=True)}, "points", {"data.labels"}),
    ],
)
def test_problems_name_their_field(change, kind, keys):
    spec = RunSpec(**{"data": Data("d"), "method": MeanFlow(), "network": MLP()} | change)
    found = problems(spec, kind)
    assert {problem.key for problem in found} == keys
    assert all(is_a_sentence(problem.message) for problem in found)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, ""),
        ({"data": {"name": "d"}, "method": {"kind": "gan"}, "network": {"kind": "mlp"}}, "method"),
        (
            {"data": {"name": "d", "nam": 1}, "method": {"kind": "fm"}, "network": {"kind": "mlp"}},
            "data",
        ),
        (
            {
                "data": {"name": "d"},
                "method": {"kind": "fm"},
                "network": {"kind": "mlp", "width": "a"},
            },
            "network.width",
        ),
    ],
)
def test_a_file_that_is_no_spec_is_refused_with_its_field(values, key):
    with pytest.raises(SpecError) as caught:
        read_spec(values)
    assert key in caught.value.key
    assert is_a_sentence(str(caught.value))


def test_shipped_presets_have_no_problem():
    known = presets()
    assert known
    for name, preset in known.items():
        kind = "points" if isinstance(preset.spec.network, MLP) else "images"
        assert problems(preset.spec, kind) == []
        assert preset.spec.preset == name
        assert preset.title
        assert is_a_sentence(preset.summary)


@pytest.mark.parametrize("name", [m.name for m in METHODS])
def test_a_methods_own_fields_come_before_those_of_its_inner_groups(name: str) -> None:
    spec = with_value(RunSpec(Data("x"), FlowMatching(), MLP()), "method", name)
    keys = [f.key for f in fields(spec) if f.key.startswith("method.")]
    depths = [key.count(".") > 1 for key in keys if not key.startswith("method.post")]
    assert depths == sorted(depths)
