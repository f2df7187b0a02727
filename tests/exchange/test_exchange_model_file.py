"""A model file gives back the network it was saved from, or one sentence."""

import os

import msgspec
import psutil
import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import save_file

from engine.contract.catalogue import DataSet
from engine.contract.specs import MLP, Data, DiT, FlowMatching, MeanFlow, RunSpec, Training, UNet
from engine.contract.version import RUN_FORMAT
from engine.exchange.model_file import load_model_file, save_model
from engine.exchange.weights import ModelError, classes_of
from engine.networks.build import build_network

POINTS = DataSet("rings", "Rings", "points", (2,))
PICTURES = DataSet("mine", "Mine", "images", (3, 8, 8), 10, ("a", "b", "c"))
CASES = [
    (RunSpec(Data("rings"), MeanFlow(), MLP(8, 2)), POINTS),
    (RunSpec(Data("mine"), FlowMatching(), UNet(8, (1.0, 2.0), 1, (4.0,))), PICTURES),
    (RunSpec(Data("mine", labels=True), MeanFlow(), DiT(2, 16, 1, 2)), PICTURES),
]


def network_of(spec, data):
    """A network whose every weight differs from where it starts."""
    torch.manual_seed(0)
    network = build_network(spec.network, data.shape, classes_of(spec, data))
    with torch.no_grad():
        for weights in network.parameters():
            weights.normal_(std=0.1)
    return network.eval()


def answer(network, data, classes):
    torch.manual_seed(1)
    x, t, s = torch.randn(4, *data.shape), torch.rand(4), torch.rand(4)
    label = torch.arange(4) % classes if classes else None
    return network(x, t, s, label)


@pytest.fixture
def saved(tmp_path):
    spec, data = CASES[0]
    path = tmp_path / "model.safetensors"
    save_model(path, network_of(spec, data).state_dict(), spec, data, 7, 0.99)
    return path


@pytest.mark.parametrize(("spec", "data"), CASES, ids=["mlp", "unet", "dit"])
def test_round_trip(tmp_path, spec, data):
    network, path = network_of(spec, data), tmp_path / "a model.safetensors"
    save_model(path, network.state_dict(), spec, data, 1234, 0.995)
    header, found = load_model_file(path)
    assert (header.spec, header.data, header.step, header.ema) == (spec, data, 1234, 0.995)
    assert (header.format, header.method) == (RUN_FORMAT, spec.method.__struct_config__.tag)
    classes = classes_of(spec, data)
    assert classes == (3 if spec.data.labels else 0)
    assert torch.equal(answer(found, data, classes), answer(network, data, classes))
    assert not found.training
    assert not any(weights.requires_grad for weights in found.parameters())
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_opened_as_float32(tmp_path, dtype):
    spec, data = CASES[0]
    state, path = network_of(spec, data).state_dict(), tmp_path / "m.safetensors"
    save_model(path, {key: w.to(dtype) for key, w in state.items()}, spec, data, 0, 0.9)
    for key, weights in load_model_file(path).network.state_dict().items():
        assert weights.dtype == torch.float32
        assert float((weights - state[key]).abs().max()) < 0.01


def change(path, tensors=None, **changes):
    """Write the file again with another header or other weights."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        header = msgspec.json.decode(file.metadata()["flowmap"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state = tensors(state) if tensors else state
    save_file(state, path, {"flowmap": msgspec.json.encode(header | changes).decode()})


def refusal(path):
    with pytest.raises(ModelError) as caught:
        load_model_file(path)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def spec_with(**changes):
    return msgspec.to_builtins(replace(CASES[0][0], **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": RUN_FORMAT + 1, "later": [1]}, "newer version"),
        ({"method": "gan"}, "unknown method, 'gan'"),
        ({"spec": 5}, "cannot be read"),
        ({"spec": spec_with(network=MLP(8, 3))}, "has nothing where the network has (8,)"),
        ({"spec": spec_with(network=MLP(16, 2))}, "has (2, 8) where the network has (2, 16)"),
        ({"spec": spec_with(network=UNet())}, "needs an mlp"),
        ({"spec": spec_with(training=Training(batch=0, steps=200))}, "Batch must be at least 1"),
        ({"data": msgspec.to_builtins(replace(POINTS, shape=(3,)))}, "shape (3,)"),
        ({"data": msgspec.to_builtins(replace(PICTURES, shape=(3, 10**6, 10**6)))}, "needs a unet"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_header_that_is_not_possible_is_refused(saved, changes, words):
    change(saved, **changes)
    assert words in refusal(saved)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (lambda state: state | {"extra": torch.zeros(1)}, "under extra"),
        (lambda state: dict(list(state.items())[1:]), "has nothing where"),
        (lambda state: {k: torch.full_like(v, torch.nan) for k, v in state.items()}, "not finite"),
        (lambda state: {k: v[:0] for k, v in state.items()}, "has (0"),
    ],
)
def test_weights_that_do_not_fit_are_refused(saved, tensors, words):
    change(saved, tensors)
    assert words in refusal(saved)


def test_a_giant_spec_costs_no_memory(saved):
    change(saved, spec=spec_with(network=MLP(4096, 16)))
    before = psutil.Process().memory_info().rss
    assert "too few weights" in refusal(saved)
    assert psutil.Process().memory_info().rss - before < 64 << 20


@pytest.mark.parametrize("content", [b"", b"\x80\x02", b"\xff" * 64, b"{}" * 50, b"\x89PNG\r\n"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    assert str(path) in refusal(path)


def test_every_cut_of_a_file_is_refused(saved):
    content = saved.read_bytes()
    for end in range(0, len(content), 97):
        saved.write_bytes(content[:end])
        refusal(saved)


def test_weights_without_a_word_what_they_are_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    assert "of which model" in refusal(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    assert str(tmp_path / "gone") in refusal(tmp_path / "gone")
    assert str(tmp_path) in refusal(tmp_path)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    spec, data = CASES[0]
    with pytest.raises(ModelError, match="No space left"):
        save_model(saved, network_of(spec, data).state_dict(), spec, data, 8, 0.9)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    spec, data = CASES[0]
    with pytest.raises(ModelError, match="cannot be written"):
        save_model(tmp_path / "no" / "m.safetensors", {}, spec, data, 0, 0.9)
