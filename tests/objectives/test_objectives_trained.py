"""Where on (t, s) each method says that it trained its samples, and how wrong they were."""

import pytest
import torch
from every_method import COUNT, NAMES, loss_of

from engine.contract.catalogue import presets

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

ON_DIAGONAL = ("fm", "edm", "reflow")
AT_ZERO = ("cd", "ct", "ict", "ecm", "sct", "scd")
TWICE = ("ctm", "tvm")  # the jump of a sample, and its velocity at a time of its own


@pytest.mark.parametrize("progress", [0.0, 0.6])
@pytest.mark.parametrize("name", NAMES)
def test_every_sample_has_a_place_and_an_error(name: str, progress: float) -> None:
    trained = loss_of(name, progress).trained
    count = COUNT * (2 if name in TWICE else 1)
    assert all(part.shape == (count,) for part in trained) or name == "cmt"
    assert not any(part.requires_grad for part in trained)
    assert (trained.s >= 0).all()
    assert (trained.s <= trained.t).all()
    assert (trained.t <= 1).all()
    assert (trained.t > 0).all()
    assert (trained.error >= 0).all()
    assert trained.error.isfinite().all()


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(TWICE)))
def test_the_errors_are_those_of_the_curve(name: str) -> None:
    found = loss_of(name)
    assert torch.equal(found.trained.error, found.parts["error"])


@pytest.mark.parametrize("name", ON_DIAGONAL)
def test_a_velocity_is_trained_on_the_diagonal(name: str) -> None:
    trained = loss_of(name).trained
    assert torch.equal(trained.s, trained.t)


@pytest.mark.parametrize("name", AT_ZERO)
def test_an_end_point_is_trained_at_zero(name: str) -> None:
    trained = loss_of(name).trained
    assert (trained.s == 0).all()
    assert trained.t.unique().numel() > COUNT / 4


@pytest.mark.parametrize("name", ["meanflow", "imf", "alphaflow", "psd", "lsd"])
def test_the_share_of_jumps_is_the_one_of_the_spec(name: str) -> None:
    trained = loss_of(name).trained
    share = presets()[f"points-{name}"].spec.method.share_off_diagonal  # type: ignore[union-attr]
    assert (trained.s < trained.t).sum() == round(share * COUNT)


@pytest.mark.parametrize("name", TWICE)
def test_a_jump_and_a_velocity_are_two_samples(name: str) -> None:
    found = loss_of(name)
    t, s, error = found.trained
    assert torch.equal(t[COUNT:], s[COUNT:])
    assert (s[:COUNT] < t[:COUNT]).all()
    velocity = found.parts["error_diagonal"]
    if name == "tvm":
        assert torch.equal(error[:COUNT] + error[COUNT:], found.parts["error"])
    else:
        assert torch.equal(error[:COUNT], found.parts["error"])
        velocity = velocity * t[COUNT:].square()  # |D - data|^2, as D = x - t u
    torch.testing.assert_close(error[COUNT:], velocity)


def test_steps_of_a_grid_lie_on_it() -> None:
    for name in ("pd", "shortcut"):
        t, s, _ = loss_of(name).trained
        length = t - s
        assert (length > 0).all()
        torch.testing.assert_close(t / length, (t / length).round())
