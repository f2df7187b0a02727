"""A TOML file from anybody is a spec, or one sentence about why it is none."""

import msgspec
import pytest
import tomli_w

from engine.contract.errors import UserError
from engine.contract.schema import SpecError
from engine.contract.spec_file import BYTE_CAP, read_spec_file, spec_of
from engine.contract.specs import MLP, Data, MeanFlow, RunSpec, problems

SPEC = RunSpec(Data("rings"), MeanFlow(), MLP())


def values(**changes):
    return msgspec.to_builtins(SPEC) | changes


def test_a_spec_comes_back(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(tomli_w.dumps(values(title="Mine")))
    assert read_spec_file(path, ("title", "summary")) == SPEC
    with pytest.raises(SpecError, match="no field title; take them out"):
        read_spec_file(path)


def test_every_unknown_field_is_named():
    table = values(colour="red", depth=[1])
    table["training"] |= {"sped": 1}
    table["method"] |= {"gamma": 2.0}
    with pytest.raises(SpecError) as caught:
        spec_of(tomli_w.dumps(table).encode(), "mine.toml")
    text = str(caught.value)
    assert text.startswith("mine.toml: a spec has none of the fields ")
    assert all(name in text for name in ("colour", "depth", "training.sped", "method.gamma"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# " + b"x" * BYTE_CAP, "larger than 1 MB"),
        (b"a = " + b"[" * 50_000 + b"]" * 50_000, "nested too deep"),
        (b"a = " + b"9" * 5000, "not readable TOML"),
        (b"\xff\xfe", "not readable TOML"),
        (b"a = !!python/object:os.system", "not readable TOML"),
        (b"%YAML 1.1\n--- !!python/object/apply:os.system ['x']", "not readable TOML"),
        (b"[data]\nname = 3", "Expected `str`"),
        (b"seed = 1", "missing required field"),
        (b"", "missing required field"),
    ],
)
def test_a_hostile_file_is_one_sentence(content, words):
    with pytest.raises(UserError) as caught:
        spec_of(content, "mine.toml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("mine.toml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_large_file_is_not_read_whole(tmp_path):
    path = tmp_path / "spec.toml"
    with open(path, "wb") as file:
        file.truncate(4 << 30)
    with pytest.raises(UserError, match="larger than 1 MB"):
        read_spec_file(path)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "-1.0", "0.0"])
def test_numbers_that_no_training_takes_are_problems(value):
    text = tomli_w.dumps(values()).replace("learning_rate = 0.002", f"learning_rate = {value}")
    assert value in text
    assert problems(spec_of(text.encode(), "mine.toml"), "points")
