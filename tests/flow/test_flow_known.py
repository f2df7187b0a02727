"""What is known of a sample is an orthogonal projection, and stays what it is."""

import pytest
import torch

from engine.contract.errors import UserError
from engine.flow.flow_map import flow_map_for
from engine.flow.known import brightness, coarse, outside, put_back
from engine.flow.sampling import sample

PROJECTIONS = {
    "outside": outside(2, 1, 5, 6),
    "nothing": outside(0, 0, 8, 8),
    "everything": outside(3, 3, 3, 3),
    "brightness": brightness,
    "coarse": coarse(2),
    "uneven": coarse(3),
}


def pictures(seed, channels=3):
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(4, channels, 8, 8, generator=drawn, dtype=torch.float64)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_twice_is_once_and_it_is_symmetric(name):
    project, x, y = PROJECTIONS[name], pictures(0), pictures(1)
    assert torch.allclose(project(project(x)), project(x), atol=1e-12)
    assert torch.allclose((x * project(y)).sum(), (project(x) * y).sum(), atol=1e-9)
    assert torch.allclose(project(2 * x - y), 2 * project(x) - project(y), atol=1e-12)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_what_is_known_is_put_back_and_nothing_else_changes(name):
    project, x, known = PROJECTIONS[name], pictures(0), pictures(1)
    found = put_back(x, known, project)
    assert torch.allclose(project(found), project(known), atol=1e-12)
    assert torch.allclose(found - project(found), x - project(x), atol=1e-12)


def test_a_box_is_what_it_says():
    x, known = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    found = put_back(x, known, outside(1, 2, 3, 4))[0, 0]
    assert found.tolist() == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1]]


def test_grey_stays_grey_and_a_grey_picture_is_wholly_known():
    grey = pictures(0)[:, :1].expand(-1, 3, -1, -1)
    seen = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[None, :, None, None]
    luma = lambda x: (seen * x).sum(1)  # noqa: E731
    assert torch.allclose(luma(brightness(pictures(3))), luma(pictures(3)), atol=1e-12)
    assert torch.allclose(luma(put_back(pictures(1), grey, brightness)), luma(grey), atol=1e-12)
    one = pictures(0, 1)
    assert torch.equal(brightness(one), one)


class Zero(torch.nn.Module):
    """Jumps to black from everywhere."""

    def forward(self, x, t, s, label=None):
        return x / t.clamp_min(1e-9)[:, None, None, None]


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_samples_end_with_what_is_known(steps):
    known, noise = pictures(1).float(), pictures(2).float()
    times = [1 - k / steps for k in range(steps + 1)]
    flow_map = flow_map_for("meanflow", Zero())
    project = outside(2, 2, 6, 6)
    amend = lambda x: put_back(x, known, project)  # noqa: E731
    found = sample(flow_map, noise, times, 1.0, amend=amend)
    assert torch.allclose(project(found), project(known), atol=1e-6)
    inside = found - project(found)
    assert float(inside.abs().max()) < 1e-5  # what the model makes of it


def test_it_needs_all_noise_to_be_new():
    with pytest.raises(UserError, match="gamma"):
        sample(flow_map_for("meanflow", Zero()), pictures(0), (1.0, 0.0), 0.5, amend=lambda x: x)


@pytest.mark.parametrize("factor", [41, 47, 55, 61])
def test_blocks_of_odd_sizes_are_blocks(factor):
    project = coarse(factor)
    x = torch.randn(1, 1, 2 * factor - 3, 3 * factor, dtype=torch.float64)
    assert torch.allclose(project(project(x)), project(x), atol=1e-12)
