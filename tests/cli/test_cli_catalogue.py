"""doctor, methods, presets and data: every line is JSON, every sentence names its thing."""

import json

import numpy as np
import pytest

from engine.contract.catalogue import METHODS, presets
from engine.contract.errors import UserError
from engine.contract.specs import problems


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_doctor_names_this_machine(engine):
    found = {row["what"]: row["found"] for row in lines(engine("doctor", "--json"))}
    assert found["flowmap-studio"]
    assert found["torch"] != "missing"
    assert found["device"] in ("cpu", "mps") or found["device"].startswith("cuda")


def test_methods_and_presets_are_the_catalogue(engine):
    assert [m["name"] for m in lines(engine("methods", "--json"))] == [m.name for m in METHODS]
    assert [p["name"] for p in lines(engine("presets", "--json"))] == list(presets())


@pytest.mark.parametrize("name", presets())
def test_every_preset_can_start_and_shows_its_fields(engine, name):
    spec = presets()[name].spec
    kind = "points" if name.startswith("points") else "images"
    assert problems(spec, kind) == []
    keys = {row["key"]: row["value"] for row in lines(engine("presets", name, "--json"))}
    assert keys["data.name"] == spec.data.name
    assert keys["training.steps"] == spec.training.steps


def test_tables_for_people_name_the_same_things(engine):
    text = engine("presets").stdout
    assert all(name in text for name in presets())


def test_imported_points_are_listed_and_shown(engine, tmp_path):
    np.savez(tmp_path / "mine.npz", points=np.random.default_rng(0).normal(size=(300, 2)))
    engine("data", "import", tmp_path / "mine.npz", "mine")
    names = [row["name"] for row in lines(engine("data", "list", "--json"))]
    assert {"mine", "eight-gaussians", "emoji-16"} <= set(names)
    (shown,) = lines(engine("data", "show", "mine", "--json"))
    assert (shown["kind"], shown["count"]) == ("points", 300)


def test_what_is_not_there_is_named(engine, tmp_path):
    for words, thing in (
        (("presets", "point-meanflow"), "points-meanflow"),
        (("data", "show", "cifar-10"), "cifar-10"),
        (("data", "import", tmp_path / "nothing", "x"), "nothing"),
    ):
        with pytest.raises(UserError, match=thing):
            engine(*words)
