"""A preview asks a half-trained model for what models of its kind know, and nothing else."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.contract.catalogue import Grid, Guidance
from engine.contract.learned import Learned
from engine.train.preview import VELOCITY_STEPS, Previewer


class Told(nn.Module):
    """A network with one weight that keeps which times it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.calls: list[tuple[float, float]] = []

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        self.calls.append((float(t[0]), float(s[0])))
        return self.weight * x


def preview(method: str, known: Learned | None = None) -> tuple[np.ndarray, list]:
    network = Told()
    previewer = Previewer(network, method, (2,), 0, 5, 0, torch.device("cpu"))
    weights = {"weight": torch.tensor(0.5)}
    return previewer.draw(weights, known), network.calls


@pytest.mark.parametrize(
    ("method", "calls"),
    [
        ("meanflow", [(1.0, 0.0)]),
        ("shortcut", [(1.0, 0.0)]),
        ("ecm", [(1.0, 1.0)]),
        ("pd", [(1.0, 1.0)]),
    ],
)
def test_one_jump_is_the_one_that_was_learned(method: str, calls: list) -> None:
    drawn, asked = preview(method)
    assert asked == calls
    noise = Previewer(Told(), "fm", (2,), 0, 5, 0, torch.device("cpu"))._noise
    np.testing.assert_allclose(drawn, 0.5 * noise.numpy(), rtol=1e-6)


def test_a_velocity_is_integrated() -> None:
    _, asked = preview("fm")
    assert len(asked) == 2 * VELOCITY_STEPS
    assert all(t == s for t, s in asked)


def test_what_is_known_by_now_goes_before_the_name_of_the_method() -> None:
    assert preview("pd", Learned("pd", Grid(4, 1)))[1] == [
        (time, time) for time in (1.0, 0.75, 0.5, 0.25)
    ]
    assert len(preview("pd", Learned("fm"))[1]) == 2 * VELOCITY_STEPS
    assert preview("cmt", Learned("meanflow"))[1] == [(1.0, 0.0)]


def test_a_model_that_learned_all_guidances_is_shown_under_its_own() -> None:
    told: list[Tensor | None] = []

    class Guided(Told):
        def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
            told.append(label)
            return self.weight * x

    previewer = Previewer(Guided(), "imf", (3, 4, 4), 2, 3, 0, torch.device("cpu"))
    usual = Learned("imf", guidance=Guidance(1.0, 8.0, 2.5, 0.25, 0.75, told=True))
    previewer.draw({"weight": torch.tensor(0.5)}, usual)
    (label,) = told
    assert label is not None
    assert label.tolist() == [[number, 2.5, 0.25, 0.75] for number in (0, 1, 0)]
