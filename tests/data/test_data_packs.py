"""The emoji packs are sealed, described truly and split without a leak."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engine.contract.assets import asset
from engine.contract.catalogue import shipped_data
from engine.data.errors import DataError
from engine.data.open import open_data
from engine.data.pack import content_hash, read_pack, write_pack
from engine.flow.randomness import Randomness

SIDES = (16, 32)


def pack(side: int) -> dict[str, np.ndarray]:
    return read_pack(asset("data") / f"emoji-{side}.h5", "")


@pytest.mark.parametrize("side", SIDES)
def test_pack_is_sealed_and_says_its_licence(side: int) -> None:
    with h5py.File(asset("data") / f"emoji-{side}.h5") as file:
        arrays = {name: file[name][()] for name in file}
        assert file.attrs["content_hash"] == content_hash(arrays)
        assert "Apache License 2.0" in file.attrs["licence"]
        assert "MIT License" in file.attrs["licence"]
        assert "Noto" in file.attrs["source"]
        assert all(file[name].fletcher32 for name in file)


@pytest.mark.parametrize("side", SIDES)
def test_pack_is_what_its_description_says(side: int) -> None:
    info = next(d for d in shipped_data() if d.name == f"emoji-{side}")
    arrays = pack(side)
    assert arrays["images"].shape == (info.count, side, side, 3)
    assert arrays["images"].dtype == np.uint8
    assert set(arrays["labels"]) == set(range(len(info.labels)))
    assert len(set(arrays["names"])) == info.count
    assert {name.split(b"-")[0] for name in arrays["names"]} == {b"noto", b"fluent"}


def test_both_sizes_show_the_same_pictures() -> None:
    small, large = pack(16), pack(32)
    for key in ("names", "labels", "held_out"):
        assert np.array_equal(small[key], large[key])
    halves = large["images"].reshape(-1, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(halves - small["images"]).mean() < 8


def test_split_keeps_both_vendors_of_an_emoji_on_one_side() -> None:
    arrays = pack(16)
    points = np.array([name.split(b"-", 1)[1] for name in arrays["names"]])
    held_out = arrays["held_out"].astype(bool)
    assert not set(points[held_out]) & set(points[~held_out])
    assert 0.08 < held_out.mean() < 0.12
    assert set(arrays["labels"][held_out]) == set(arrays["labels"])


def test_no_held_out_picture_is_ever_drawn(tmp_path: Path) -> None:
    dataset = open_data("emoji-16", tmp_path)
    held_out = dataset.held_out(10_000)
    assert held_out is not None
    assert len(held_out) + len(dataset.all()) == dataset.info.count
    assert torch.equal(dataset.held_out(8), held_out[:8])
    seen = {picture.numpy().tobytes() for picture in held_out}
    drawn = dataset.draw(20_000, Randomness(0)).data
    assert len(torch.unique(drawn.flatten(1), dim=0)) > 0.95 * len(dataset.all())
    assert not seen & {picture.numpy().tobytes() for picture in drawn}


def test_labels_stay_with_their_pictures(tmp_path: Path) -> None:
    dataset, arrays = open_data("emoji-32", tmp_path), pack(32)
    known = {}
    for picture, label in zip(arrays["images"], arrays["labels"], strict=True):
        known.setdefault(picture.tobytes(), set()).add(int(label))
    batch = dataset.draw(200, Randomness(4))
    assert batch.label is not None
    back = ((batch.data + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    for picture, label in zip(back.numpy(), batch.label.tolist(), strict=True):
        assert label in known[picture.tobytes()]


def test_draws_continue_from_a_saved_state_and_span_the_range(tmp_path: Path) -> None:
    dataset, randomness = open_data("emoji-16", tmp_path), Randomness(2)
    dataset.draw(9, randomness, flip=True)
    state = randomness.state()
    first = dataset.draw(64, randomness, flip=True)
    other = Randomness(0)
    other.load(state)
    second = dataset.draw(64, other, flip=True)
    assert torch.equal(first.data, second.data)
    assert torch.equal(first.label, second.label)
    assert first.data.dtype == torch.float32
    assert (first.data.min(), first.data.max()) == (-1, 1)


def test_flip_mirrors_about_half_and_changes_nothing_else(tmp_path: Path) -> None:
    dataset = open_data("emoji-16", tmp_path)
    plain = dataset.draw(1000, Randomness(6)).data
    flipped = dataset.draw(1000, Randomness(6), flip=True).data
    same = (plain == flipped).flatten(1).all(1)
    mirrored = (plain.flip(-1) == flipped).flatten(1).all(1)
    assert (same | mirrored).all()
    assert 400 < (mirrored & ~same).sum() < 600


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    write_pack(path, {"points": np.random.default_rng(0).normal(size=(500, 2))})
    with h5py.File(path) as file:
        chunk = file["points"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(DataError, match="import it again"):
        read_pack(path, "import it again")


@pytest.mark.parametrize("kept", [0, 1, 500, -1])
def test_a_cut_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "data.h5"
    write_pack(path, {"points": np.zeros((500, 2))})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="cannot be read"):
        read_pack(path, "import it again")


def test_arrays_changed_after_sealing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    write_pack(path, {"points": np.zeros((5, 2))})
    with h5py.File(path, "r+") as file:
        file["points"][0, 0] = 1
    with pytest.raises(DataError, match="checksum"):
        read_pack(path, "import it again")


def test_links_out_of_the_file_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret" * 10)
    layout = h5py.VirtualLayout((5,), "u1")
    layout[:] = h5py.VirtualSource("other.h5", "x", (5,))
    for name in ("external", "soft", "raw", "virtual"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            if name == "external":
                file["points"] = h5py.ExternalLink("other.h5", "x")
            elif name == "soft":
                file["points"] = h5py.SoftLink("/x")
            elif name == "raw":
                file.create_dataset("points", (60,), "u1", external=[(str(secret), 0, 60)])
            else:
                file.create_virtual_dataset("points", layout)
        with pytest.raises(DataError, match="is a link"):
            read_pack(tmp_path / f"{name}.h5", "")


def test_descriptions_are_plain_json_in_the_order_of_the_schema() -> None:
    for side in SIDES:
        values = json.loads((asset("data") / f"emoji-{side}.json").read_text("utf-8"))
        assert values["shape"] == [3, side, side]
        assert len(values["labels"]) == 7
