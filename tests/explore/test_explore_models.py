"""A name leads to the newest whole weights, or to one sentence."""

import pytest
import torch
from explore_support import add_checkpoint, make_run, points_spec

from engine.contract.errors import UserError
from engine.data.errors import DataError
from engine.exchange.model_file import save_model
from engine.exchange.weights import ModelError
from engine.explore.draws import draw_noise
from engine.explore.jumps import jump_states
from engine.explore.models import load_model, resolve
from engine.hub import workspace as names


def weight(loaded):
    """The one value that all weights of a run of the tests have."""
    (value,) = {float(w) for p in loaded.network.parameters() for w in p.flatten()[:3]}
    return pytest.approx(value)


def refusal(name, workspace, **options):
    with pytest.raises(ModelError) as caught:
        load_model(name, workspace, **options)
    assert isinstance(caught.value, UserError)
    assert str(caught.value).endswith((".", "?"))
    return str(caught.value)


def test_a_run_is_its_newest_checkpoint_s_last_average(workspace):
    folder = make_run(workspace, steps=(10, 20))
    loaded = load_model("run", workspace)
    assert weight(loaded) == 0.02 * 0.99
    info = loaded.info
    assert (info.name, info.step, info.ema, info.capability) == ("run", 20, 0.99, "flow map")
    assert info.title == "Eight Gaussians · MeanFlow"
    assert info.parameters == sum(p.numel() for p in loaded.network.parameters())
    assert info.data.exact
    assert loaded.spec == points_spec()
    assert weight(load_model(str(folder.path), workspace)) == 0.02 * 0.99


def test_another_checkpoint_and_another_average(workspace):
    folder = make_run(workspace, steps=(10, 20))
    assert weight(load_model("run@10", workspace)) == 0.01 * 0.99
    assert weight(load_model(f"{folder.path}@10", workspace)) == 0.01 * 0.99
    assert weight(load_model("run", workspace, ema=0.9)) == 0.02 * 0.9
    assert "10, 20" in refusal("run@15", workspace)
    assert "10, 20" in refusal("run@last", workspace)
    assert "0.9, 0.99" in refusal("run", workspace, ema=0.5)


def test_a_damaged_checkpoint_is_passed_over(workspace):
    folder = make_run(workspace, steps=(10, 20))
    (folder.checkpoint(20) / "ema-0.99.safetensors").write_bytes(b"damaged")
    loaded = load_model("run", workspace)
    assert (loaded.info.step, weight(loaded)) == (10, 0.01 * 0.99)
    assert "damaged" in refusal("run@20", workspace)


def test_a_run_without_a_checkpoint_says_what_to_do(workspace):
    make_run(workspace, steps=())
    assert "no checkpoint yet; save it now" in refusal("run", workspace)


def test_weights_that_do_not_fit_their_spec_are_refused(workspace):
    folder = make_run(workspace, steps=(10,))
    spec = (folder.path / "spec.toml").read_text().replace("width = 8", "width = 16")
    (folder.path / "spec.toml").write_text(spec)
    assert "does not fit" in refusal("run", workspace)


def test_a_file(workspace, tmp_path):
    make_run(workspace)
    loaded = load_model("run", workspace)
    path = tmp_path / "mine.safetensors"
    info = loaded.info
    save_model(path, loaded.network.state_dict(), loaded.spec, info.data, info.step, info.ema)
    found = load_model(str(path), workspace / "elsewhere")
    assert (found.info.step, found.info.ema, found.info.title) == (20, 0.99, info.title)
    x = draw_noise(0, 5, (2,))
    assert torch.equal(jump_states(found, x, 1.0, 0.2)[0], jump_states(loaded, x, 1.0, 0.2)[0])


def test_a_shipped_model(workspace, tmp_path, monkeypatch):
    make_run(workspace)
    loaded = load_model("run", workspace)
    path = tmp_path / "models" / "shipped.safetensors"
    path.parent.mkdir()
    save_model(path, loaded.network.state_dict(), loaded.spec, loaded.info.data, 20, 0.99)
    monkeypatch.setattr(names, "asset", lambda name: tmp_path / name)
    monkeypatch.setattr(names, "shipped_models", lambda: ("shipped",))
    assert load_model("shipped", workspace).info.name == "shipped"
    assert "did you mean 'shipped'?" in refusal("shiped", workspace)


def test_an_unknown_name_gets_a_hint(workspace):
    make_run(workspace, "meanflow-rings-001")
    assert "did you mean 'meanflow-rings-001'?" in refusal("meanflow-rings-01", workspace)
    for name in ("xyz", "", "@5", "a/b", str(workspace), "gone.safetensors"):
        assert "no model" in refusal(name, workspace)


def test_a_run_whose_data_is_gone_says_so(workspace):
    make_run(workspace, spec=points_spec(data="mine"))
    with pytest.raises((UserError, DataError), match="mine"):
        load_model("run", workspace)


def test_a_place_changes_when_newer_weights_lie_there(workspace):
    folder = make_run(workspace, steps=(10,))
    first = resolve("run", workspace)
    assert resolve("run", workspace) == first
    add_checkpoint(folder, 20)
    second = resolve("run", workspace)
    assert second != first
    add_checkpoint(folder, 20, value=0.5)  # the same step once more, after a rewind
    assert resolve("run", workspace) != second
