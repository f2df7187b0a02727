"""Sample i depends on the seed and on i alone."""

import pytest
import torch
from explore_support import exact_model, picture_model

from engine.contract.errors import UserError
from engine.contract.messages import Source
from engine.data.open import open_data
from engine.explore.draws import BLOCK, draw_data, draw_noise, labels, start

COUNTS = (1, 15, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK)


@pytest.mark.parametrize("shape", [(2,), (3, 4, 4)])
def test_more_noise_goes_on_where_less_ends(shape):
    most = draw_noise(5, 3 * BLOCK, shape)
    for count in COUNTS:
        assert torch.equal(draw_noise(5, count, shape), most[:count])
    assert not torch.equal(draw_noise(6, BLOCK, shape), most[:BLOCK])
    assert len(most.flatten(1).unique(dim=0)) == len(most)


def test_noise_is_standard_normal():
    noise = draw_noise(0, 40_000, (2,))
    assert noise.mean(0).abs().max() < 0.02
    assert (torch.cov(noise.T) - torch.eye(2)).abs().max() < 0.03
    blocks = noise.reshape(-1, BLOCK, 2)
    neighbours = (blocks[:-1] * blocks[1:]).mean()
    assert abs(float(neighbours)) < 0.02  # blocks are independent of each other


@pytest.mark.parametrize("name", ["eight-gaussians", "checkerboard", "emoji-16"])
def test_more_data_goes_on_where_less_ends(name, workspace):
    dataset = open_data(name, workspace)
    most, known = draw_data(dataset, 5, 3 * BLOCK)
    assert (known is not None) == bool(dataset.info.labels)
    for count in COUNTS:
        data, label = draw_data(dataset, 5, count)
        assert torch.equal(data, most[:count])
        assert known is None or torch.equal(label, known[:count])


def test_data_of_one_class(workspace):
    dataset = open_data("emoji-16", workspace)
    most, _ = draw_data(dataset, 3, 100, 2)
    data, label = draw_data(dataset, 3, 33, 2)
    assert torch.equal(data, most[:33])
    assert set(label.tolist()) == {2}
    with pytest.raises(UserError, match="too few samples"):
        draw_data(dataset, 3, 10, 99)


def test_labels(workspace):
    model = picture_model(workspace)
    assert labels(model, -1, 9).tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]
    assert labels(model, 3, 2).tolist() == [3, 3]
    assert labels(picture_model(workspace, labels=False), -1, 3) is None
    for label in (-2, 7):
        with pytest.raises(UserError, match="0 to 6"):
            labels(model, label, 1)
    with pytest.raises(UserError, match="knows no labels"):
        labels(exact_model(workspace), 0, 1)


def test_where_to_start(workspace):
    model = picture_model(workspace)
    noise, data, label = start(model, Source("noise", 1, 5))
    assert data is None
    assert label.tolist() == [0, 1, 2, 3, 4]
    again, data, label = start(model, Source("data", 1, 5, 4))
    assert torch.equal(again, noise)  # the same noise, whatever it is mixed with
    assert data.shape == noise.shape
    assert label.tolist() == [4] * 5
    with pytest.raises(UserError, match="at least 1"):
        start(model, Source(count=0))
