"""What a method tells of a step: its terms make up the loss that is trained, and nothing moves."""

from typing import Any

import pytest
import torch
from every_method import NAMES, loss_of, models_of
from torch import Tensor

from engine.contract.catalogue import presets
from engine.objectives.base import Loss
from engine.objectives.distances import distance

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

ALWAYS = {"data", "noise", "t", "s", "x_t", "answer", "target", "distance", "loss"}
OWN = {
    "reflow": set(),
    "cd": {"x_s"},
    "ct": {"x_s"},
    "ict": {"x_s", "weight"},
    "ecm": {"x_s", "weight"},
    "sct": {"v", "du", "g", "weight"},
    "scd": {"v", "du", "g", "weight"},
    "ctm": {"x_u", "x_s", "u", "t_v", "x_v", "answer_v", "target_v", "distance_v", "weight_v"},
    "meanflow": {"v", "du", "weight"},
    "imf": {"v", "along", "du", "weight"},
    "alphaflow": {"v", "weight"},
    "psd": {"v", "first", "second", "q", "x_q"},
    "shortcut": {"v", "first", "second", "q", "x_q"},
    "lsd": {"v", "x_s", "du"},
    "tvm": {"v", "x_s", "du", "t_v", "x_v", "answer_v", "target_v", "distance_v"},
}
PROGRESS = {"cmt": 0.05}  # while it regresses on trajectories


def told(name: str, progress: float) -> tuple[Loss, dict[str, Tensor]]:
    terms: dict[str, Tensor] = {}
    models = models_of(name)._replace(record=lambda **found: terms.update(found))
    return loss_of(name, progress, models), terms


def apart(name: str, progress: float, terms: dict[str, Tensor]) -> Tensor:
    """The distance that the method measures by, and else the mean square."""
    method: Any = presets()[f"points-{name}"].spec.method
    if name == "cmt" and progress >= method.mid_share:
        method = method.post
    kind, huber = getattr(method, "distance", "squared"), getattr(method, "huber", 0.0)
    return distance(kind, terms["answer"] - terms["target"], huber)


@pytest.mark.parametrize("progress", [0.05, 0.6])
@pytest.mark.parametrize("name", NAMES)
def test_the_terms_make_up_the_loss(name: str, progress: float) -> None:
    loss, terms = told(name, progress)
    assert terms.keys() >= ALWAYS | OWN.get(name, set())
    count = len(terms["t"])
    one = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(terms["distance"], apart(name, progress, terms), **one)
    made = terms.get("weight", torch.ones(count)) * terms["distance"] - terms.get("offset", 0)
    if "distance_v" in terms:
        made = made + terms.get("weight_v", torch.ones(count)) * terms["distance_v"]
    if "logit" in terms:
        made = made - loss.parts["lambda_gan"] * terms["logit"]
    torch.testing.assert_close(terms["loss"], made, **one)
    torch.testing.assert_close(terms["loss"].mean(), loss.loss, **one)
    between = terms["data"] + terms["t"][:, None] * (terms["noise"] - terms["data"])
    if name != "cmt" or progress > 0.5:  # a state of a trajectory lies on no line
        torch.testing.assert_close(terms["x_t"], between, **one)


@pytest.mark.parametrize("name", NAMES)
def test_being_looked_at_changes_nothing(name: str) -> None:
    plain, (watched, _) = loss_of(name), told(name, 0.6)
    assert torch.equal(plain.loss, watched.loss)
    assert plain.parts.keys() == watched.parts.keys()
    assert all(torch.equal(part, watched.parts[key]) for key, part in plain.parts.items())


@pytest.mark.parametrize("name", ["meanflow", "imf"])
def test_the_target_is_v_less_the_jump_times_du_dt(name: str) -> None:
    _, terms = told(name, 0.6)
    jumps = len(terms["du"])
    assert 0 < jumps < len(terms["t"])
    length = (terms["t"] - terms["s"])[:jumps, None]
    wanted = torch.cat((terms["v"][:jumps] - length * terms["du"], terms["v"][jumps:]))
    assert torch.equal(terms["target"], wanted)
    assert (terms["s"][jumps:] == terms["t"][jumps:]).all()


@pytest.mark.parametrize("name", ["psd", "shortcut"])
def test_the_target_is_the_mean_of_the_parts(name: str) -> None:
    _, terms = told(name, 0.6)
    t, s, q = (terms[key][: len(terms["q"]), None] for key in ("t", "s", "q"))
    x_q = terms["x_t"][: len(q)] + (q - t) * terms["first"]
    clip = 4.0 if name == "shortcut" else 1e9
    torch.testing.assert_close(terms["x_q"], x_q.clamp(-clip, clip))
    mean = ((t - q) * terms["first"] + (q - s) * terms["second"]) / (t - s)
    near = (mean.abs() < 3).all(1)
    torch.testing.assert_close(terms["target"][: len(q)][near], mean[near], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["lsd", "tvm"])
def test_a_jump_ends_where_the_velocity_is_asked(name: str) -> None:
    """x_s = x_t + (s - t) u, and dX/ds = u + (s - t) du/ds."""
    _, terms = told(name, 0.6)
    jumps = len(terms["x_s"])
    way = (terms["s"] - terms["t"])[:jumps, None]
    u = terms["answer"][:jumps] - way * terms["du"]
    torch.testing.assert_close(terms["x_s"], terms["x_t"][:jumps] + way * u, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["sct", "scd"])
def test_the_target_of_a_tangent_is_the_tangent_away(name: str) -> None:
    _, terms = told(name, 0.6)
    moved = terms["target"] - terms["answer"]
    turned = torch.nn.functional.cosine_similarity(moved, terms["g"], dim=1)
    torch.testing.assert_close(turned, torch.ones(len(moved)))
