"""Runs of another version of the program: newer ones are refused, older ones are read as meant."""

import msgspec
import pytest
import tomli_w

from engine.contract.specs import CTM, MLP, Augmentation, Data, ImprovedMeanFlow, RunSpec
from engine.contract.version import RUN_FORMAT, VERSION
from engine.runs import checkpoint
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder


def written(run: RunFolder, spec: RunSpec, *without: str) -> bytes:
    """The spec.toml of a version that did not have these fields of the method."""
    values = msgspec.to_builtins(spec)
    for name in without:
        del values["method"][name]
    content = tomli_w.dumps(values).encode()
    run.path.mkdir(parents=True, exist_ok=True)
    run.spec_file.write_bytes(content)
    return content


def test_an_older_improved_mean_flow_has_no_head_of_its_own(tmp_path) -> None:
    run = RunFolder(tmp_path / "run")
    spec = RunSpec(Data("eight-gaussians"), ImprovedMeanFlow(velocity_head="boundary"), MLP())
    content = written(run, spec, "velocity_head", "guidance", "omega_most", "omega_power")
    assert run.spec() == spec
    assert run.spec_file.read_bytes() == content
    assert ImprovedMeanFlow().velocity_head != "boundary"


def test_an_older_discriminator_is_told_no_class_and_sees_pictures_as_they_are(tmp_path) -> None:
    run = RunFolder(tmp_path / "run")
    plain = Augmentation(0.0, 0.0, 0.0)
    spec = RunSpec(Data("emoji-16"), CTM(gan_labels=False, augmentation=plain), MLP())
    written(run, spec, "gan_labels", "augmentation")
    assert run.spec() == spec
    assert CTM().gan_labels


def test_what_a_run_of_this_version_says_is_taken_as_it_is(tmp_path) -> None:
    run = RunFolder(tmp_path / "run")
    for method in (ImprovedMeanFlow(), CTM(), CTM(gan_labels=False)):
        spec = RunSpec(Data("eight-gaussians"), method, MLP())
        written(run, spec)
        assert run.spec() == spec


def test_a_newer_checkpoint_is_refused_with_both_versions(tmp_path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(RunSpec(Data("eight-gaussians"), ImprovedMeanFlow(), MLP()))
    path = checkpoint.seal(run, 3, {"model": {}}, {"step": 3})
    manifest = path / "manifest.json"
    known = msgspec.json.decode(manifest.read_bytes())
    assert (known["format"], known["version"]) == (RUN_FORMAT, VERSION)
    newer = known | {"format": RUN_FORMAT + 1, "version": "9.1.0"}
    manifest.write_bytes(msgspec.json.encode(newer))
    words = rf"version 9\.1\.0 .*format {RUN_FORMAT + 1}; this is version {VERSION}.*: update it"
    with pytest.raises(RunError, match=words):
        checkpoint.newest(run)
    assert manifest.read_bytes() == msgspec.json.encode(newer)  # nothing is put aside
    del newer["version"], known["version"]
    manifest.write_bytes(msgspec.json.encode(newer))
    with pytest.raises(RunError, match="a newer version of the program"):
        checkpoint.newest(run)
    manifest.write_bytes(msgspec.json.encode(known))  # as the first versions wrote it
    assert checkpoint.verify(path) == ""
