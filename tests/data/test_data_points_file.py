"""Points come back as they were written, in every format, or are refused with a sentence."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.data import points_file
from engine.data.errors import DataError
from engine.data.importers import import_data
from engine.data.open import open_data
from engine.data.points_file import read_points
from engine.flow.randomness import Randomness

POINTS = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)


def test_imported_points_are_drawn_from(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", POINTS)
    info, skipped, _ = import_data(tmp_path / "mine.npy", "mine", tmp_path / "work")
    dataset = open_data("mine", tmp_path / "work")
    assert (info.kind, info.shape, info.count, info.exact) == ("points", (2,), 50, False)
    assert skipped == []
    assert torch.equal(dataset.all(), torch.from_numpy(POINTS))
    batch = dataset.draw(5000, Randomness(0))
    assert batch.label is None
    assert torch.equal(torch.unique(batch.data, dim=0), torch.unique(dataset.all(), dim=0))
    assert dataset.exact() is None
    assert dataset.held_out(3) is None


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.uint8]),
        st.tuples(st.integers(2, 20), st.just(2)),
        elements=st.integers(0, 255),
    )
)
def test_every_format_gives_the_same_points(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    folder = tmp_path_factory.mktemp("points")
    np.save(folder / "a.npy", values)
    np.savez_compressed(folder / "b.npz", values)
    np.savez(folder / "c.npz", other=np.zeros(3), points=values)
    np.savetxt(folder / "d.csv", values, delimiter=",", header="x,y", comments="")
    np.savetxt(folder / "e.csv", values, delimiter=";")
    np.savetxt(folder / "f.tsv", values, delimiter="\t")
    np.savetxt(folder / "g.txt", values)
    for path in folder.iterdir():
        found = read_points(path)
        assert found.dtype == np.float32
        assert np.array_equal(found, values.astype(np.float32)), path.name


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b'\xef\xbb\xbf"x","y"\r\n1.5,-2\r\n3e1,4\r\n\r\n')
    assert read_points(tmp_path / "x.csv").tolist() == [[1.5, -2], [30, 4]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is empty"),
        ("x,y\n", "holds no numbers"),
        ("1,2\n3\n", "columns"),
        ("1,2\n3,house\n", "house"),
        ("1,2,3\n4,5,6\n", r"shape \(2, 3\)"),
        ("1,2\n", "1 points; at least 2"),
        ("1,2\n3,nan\n4,5\n", "not finite, in point 2"),
        ("1,2\ninf,4\n", "not finite, in point 2"),
        ("1,2\n1e300,4\n", "not finite, in point 2"),
    ],
)
def test_tables_that_are_no_points_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=sentence) as caught:
        import_data(tmp_path / "x.csv", "mine", tmp_path / "work")
    assert str(caught.value).startswith("x.csv ")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros((5, 3)), r"shape \(5, 3\)"),
        (np.zeros((0, 2)), "0 points"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.zeros((5, 2), complex), "complex128"),
        (np.array([["a", "b"]] * 3), "<U1"),
        (np.array([[{}, {}]] * 3), "Python objects"),
    ],
)
def test_arrays_that_are_no_points_are_refused(
    tmp_path: Path, values: np.ndarray, sentence: str
) -> None:
    np.save(tmp_path / "x.npy", values, allow_pickle=True)
    np.savez(tmp_path / "y.npz", values, allow_pickle=True)
    for name in ("x.npy", "y.npz"):
        with pytest.raises(DataError, match=sentence if name == "x.npy" else f"^{name}"):
            read_points(tmp_path / name)


def test_an_archive_of_several_arrays_must_say_which_are_points(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", first=POINTS, second=POINTS)
    with pytest.raises(DataError, match="none of its arrays is called points or data"):
        read_points(tmp_path / "x.npz")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_damaged_arrays_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    np.save(path, POINTS) if suffix == ".npy" else np.savez_compressed(path, POINTS)
    whole = path.read_bytes()
    for kept in (0, 1, 10, 90, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(DataError, match="cannot be read as points"):
            read_points(path)


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", POINTS)
    content = (tmp_path / "x.npy").read_bytes().replace(b"(50, 2), } ", b"(2**40, 2)}", 1)
    (tmp_path / "x.npy").write_bytes(content.replace(b"2**40", b"99999"))
    with pytest.raises(DataError, match="cannot be read as points"):
        read_points(tmp_path / "x.npy")


def test_files_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", bytes(3_000_000))
    monkeypatch.setattr(points_file, "BYTE_CAP", 2_000_000)
    with pytest.raises(DataError, match="it is larger than"):
        read_points(tmp_path / "bomb.npz")
