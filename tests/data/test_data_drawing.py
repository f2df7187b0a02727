"""What a person drew is an ordinary imported point set, or it is refused and nothing changes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.catalogue import data_name_problem
from engine.data.catalogue import data_sets, imported_folder
from engine.data.errors import DataError
from engine.data.importers import import_points
from engine.data.open import open_data
from engine.flow.randomness import Randomness

POINTS = np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32)


def test_a_drawing_is_opened_and_drawn_from(tmp_path: Path) -> None:
    info = import_points(POINTS, "heart", tmp_path)
    assert info in data_sets(tmp_path)
    assert (info.kind, info.shape, info.count, info.exact) == ("points", (2,), 80, False)
    dataset = open_data("heart", tmp_path)
    assert torch.equal(dataset.all(), torch.from_numpy(POINTS))  # as drawn: nothing is scaled
    batch = dataset.draw(5000, Randomness(0))
    assert torch.equal(torch.unique(batch.data, dim=0), torch.unique(dataset.all(), dim=0))


@pytest.mark.parametrize(
    ("points", "name", "words"),
    [
        (POINTS, "Heart", "cannot be the name"),
        (POINTS, "rings", "already a data set"),
        (POINTS, "taken", "already a data set"),
        (POINTS[:1], "heart", "The drawing holds 1 points"),
        (POINTS * np.float32(np.nan), "heart", "The drawing holds a number that is not finite"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, points, name, words) -> None:
    import_points(POINTS, "taken", tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=words):
        import_points(points, name, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


@given(st.text(max_size=70))
def test_the_rule_for_names_is_one_rule(name: str) -> None:
    problem = data_name_problem(name)
    if problem:
        with pytest.raises(DataError) as told:
            imported_folder(name, Path("/workspace"))
        assert str(told.value) == problem
    else:
        assert imported_folder(name, Path("/workspace")).parent == Path("/workspace/data")
