"""Two specs side by side: what differs, and whether the weights of one fit the other."""

import re
import tomllib

import pytest
import tomli_w
from contract_support import QUICK, values_of
from hypothesis import given
from msgspec import to_builtins
from msgspec.structs import replace

from engine.contract.catalogue import DataSet
from engine.contract.lineage import changes, origin, parted, start_problems
from engine.contract.schema import Difference, differences, fields, said, with_value
from engine.contract.specs import (
    MLP,
    Data,
    DiT,
    FlowMatching,
    ImprovedMeanFlow,
    MeanFlow,
    Preconditioned,
    RunSpec,
    UNet,
    read_spec,
)

POINTS = DataSet("rings", "Rings", "points", (2,))
SMALL = DataSet("small", "Small", "images", (3, 16, 16), labels=("a", "b"))
OTHER = DataSet("other", "Other", "images", (3, 16, 16), labels=("c", "d"))
LARGE = DataSet("large", "Large", "images", (3, 32, 32), labels=("a", "b"))
MANY = DataSet("many", "Many", "images", (3, 16, 16), labels=("a", "b", "c"))
SPEC = RunSpec(Data("rings"), FlowMatching(), MLP(), start="a@20")
IMAGES = RunSpec(Data("small", labels=True), FlowMatching(), UNet(), start="a@20")


@QUICK
@given(values_of(RunSpec))
def test_nothing_differs_from_itself(spec: RunSpec) -> None:
    assert differences(spec, spec) == []


@QUICK
@given(values_of(MeanFlow), values_of(MeanFlow), values_of(MLP))
def test_what_differs_is_all_that_leads_from_one_to_the_other(one, other, network) -> None:
    before = RunSpec(Data("rings"), one, MLP())
    after = RunSpec(Data("small"), other, network, seed=5)
    shown = {field.key for field in fields(after) if field.shown}
    moved, wanted = ({f.key: f.value for f in fields(s)} for s in (before, after))
    for found in differences(before, after):
        assert found.before == moved[found.key]
        assert found.after == wanted[found.key]
        moved[found.key] = found.after
    assert {k: moved[k] for k in shown} == {k: wanted[k] for k in shown}


def test_another_struct_shows_what_is_not_its_default() -> None:
    after = replace(SPEC, network=UNet(channels=32))
    assert differences(SPEC, after) == [
        Difference("network", "Network", "mlp", "unet"),
        Difference("network.channels", "Channels", None, 32),
    ]


def test_a_field_that_means_nothing_does_not_differ() -> None:
    after = with_value(SPEC, "training.hold", 7)
    assert differences(SPEC, after) == []
    falling = with_value(after, "training.schedule", "inverse-sqrt")
    assert [d.key for d in differences(SPEC, falling)] == ["training.schedule", "training.hold"]


def test_the_start_itself_is_no_change() -> None:
    parent = replace(SPEC, start="")
    assert [d.key for d in differences(parent, SPEC)] == ["start"]
    assert changes(parent, SPEC) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "none"), ("", "none"), ((), "none"), (True, "on"), (False, "off"), (1e-3, "0.001"),
     (0.0, "0"), (128, "128"), ((0.99, 1.0), "0.99, 1"), ("fm", "fm")],
)  # fmt: skip
def test_values_are_said_in_words(value, words) -> None:
    assert said(value) == words


@pytest.mark.parametrize(
    ("name", "parts", "words"),
    [("a@1500", ("a", 1500), "a at step 1,500"), ("a", ("a", None), "a"),
     ("a@b@7", ("a@b", 7), "a@b at step 7"), ("@7", ("@7", None), "@7"),
     ("a@new", ("a@new", None), "a@new"), ("a@-1", ("a@-1", None), "a@-1")],
)  # fmt: skip
def test_a_name_comes_apart(name, parts, words) -> None:
    assert parted(name) == parts
    assert origin(name) == words


def test_what_a_run_starts_from_survives_its_file() -> None:
    assert read_spec(tomllib.loads(tomli_w.dumps(to_builtins(SPEC)))) == SPEC
    assert with_value(SPEC, "start", "").start == ""


def refusal(spec: RunSpec, data: DataSet | None, parent: RunSpec, learned: DataSet | None) -> str:
    """The sentence, its key before it; "" where the weights fit."""
    found = start_problems(spec, data, parent, learned)
    assert len(found) <= 1
    for problem in found:
        assert re.fullmatch(r"[^\n]{4,}\.", problem.message)
        assert problem.message.endswith("or start from new weights.")
    return f"{found[0].key}: {found[0].message}" if found else ""


FITS = {
    "itself": SPEC,
    "another method": replace(SPEC, method=MeanFlow()),
    "another training": with_value(SPEC, "training.steps", 9),
    "other points": replace(SPEC, data=Data("two-moons")),
    "iMF without a head": replace(SPEC, method=ImprovedMeanFlow(velocity_head="boundary")),
}


@pytest.mark.parametrize("spec", FITS.values(), ids=FITS)
def test_weights_fit_where_only_the_training_is_another(spec) -> None:
    assert refusal(spec, POINTS, SPEC, POINTS) == ""


def test_dropout_has_no_weights() -> None:
    assert refusal(with_value(IMAGES, "network.dropout", 0.5), OTHER, IMAGES, SMALL) == ""


UNLIKE = {
    "two fields": (
        replace(SPEC, network=MLP(64, 2)),
        "network.width: a@20 has another network: Width 128 instead of 64, Depth 3 instead of 2;",
    ),
    "another kind": (replace(SPEC, network=DiT()), "network: a@20 .*: Network mlp instead of dit;"),
    "another answer": (
        replace(SPEC, parameterisation=Preconditioned()),
        "parameterisation: .*: Parameterisation plain instead of preconditioned;",
    ),
    "a head": (
        replace(SPEC, method=ImprovedMeanFlow()),
        "method.velocity_head: .*: Auxiliary velocity head off instead of on;",
    ),
}


@pytest.mark.parametrize(("spec", "words"), UNLIKE.values(), ids=UNLIKE)
def test_another_network_is_named_by_all_that_differs(spec, words) -> None:
    assert re.match(words, refusal(spec, POINTS, SPEC, POINTS))


def test_a_head_that_a_method_does_not_know_is_a_matter_of_the_method() -> None:
    parent = replace(SPEC, method=ImprovedMeanFlow())
    words = "method: .*: Auxiliary velocity head on instead of off;"
    assert re.match(words, refusal(SPEC, POINTS, parent, POINTS))


def test_labels_and_shapes_must_be_alike() -> None:
    assert refusal(IMAGES, OTHER, IMAGES, SMALL) == ""
    assert "Labels 2 instead of 3;" in refusal(IMAGES, MANY, IMAGES, SMALL)
    plain = replace(IMAGES, data=Data("small"))
    assert "Labels on instead of off;" in refusal(plain, SMALL, IMAGES, SMALL)
    assert refusal(plain, MANY, plain, SMALL) == ""
    words = "data.name: a@20 makes samples of 3 x 16 x 16 numbers and large has 3 x 32 x 32;"
    assert refusal(IMAGES, LARGE, IMAGES, SMALL).startswith(words)


def test_unknown_data_is_left_to_the_engine() -> None:
    for data, learned in ((None, SMALL), (LARGE, None), (None, None)):
        assert refusal(IMAGES, data, IMAGES, learned) == ""
