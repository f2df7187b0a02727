"""Consistency mid-training: the ends of trajectories, then the method that tunes."""

import pytest
import torch
from gaussian_flow import LinearFlow, Spy, gaussian_batch
from gaussian_pool import Ends, GaussianPool, trained
from torch import Tensor

from engine.contract import specs
from engine.contract.specs import problems, read_spec
from engine.flow.randomness import Randomness
from engine.objectives.base import Loss, Models, alone
from engine.objectives.mid_training import CMT, later, starts
from engine.objectives.registry import build_objective

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

STEPS = 4
FOUR = specs.Trajectories(steps=STEPS)
ECM = specs.ECM(stages=4, distance="squared")
MEANFLOW = specs.MeanFlow(0.5, adaptive_power=0.0)


def loss_of(network: object, spec: specs.CMT, progress: float = 0.0, batch_seed: int = 0) -> Loss:
    models = Models(network, network, pool=GaussianPool(STEPS))  # type: ignore[arg-type]
    batch = gaussian_batch(40, batch_seed)
    found: Loss = CMT(spec, (1,))(models, batch, Randomness(0), progress)
    return found


def test_the_target_is_the_end_of_the_trajectory() -> None:
    """From every state but the end itself, and from as many as make a batch."""
    asked: list[tuple[Tensor, Tensor]] = []

    def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        assert torch.equal(t, s)
        asked.append((x, t))
        return 0.3 * x

    found = loss_of(network, specs.CMT(trajectories=FOUR, post=ECM))
    states, times, _ = GaussianPool(STEPS).draw(10, Randomness(0))
    ((x_t, t),) = asked
    torch.testing.assert_close(x_t, torch.cat([*states[:-1]]))
    torch.testing.assert_close(t, times[:-1].repeat_interleave(10))
    error = x_t - t[:, None] * 0.3 * x_t - torch.cat([states[-1]] * STEPS)
    torch.testing.assert_close(found.parts["error"], error.square().mean(1))
    torch.testing.assert_close(found.loss, error.square().mean())


def test_the_exact_end_has_no_error() -> None:
    assert loss_of(Ends.exact(), specs.CMT(trajectories=FOUR, post=ECM)).loss.item() < 1e-28
    assert loss_of(Ends(), specs.CMT(trajectories=FOUR, post=ECM)).loss.item() > 0.01


def test_before_meanflow_the_target_is_the_slope_between_two_states() -> None:
    spec = specs.CMT(trajectories=FOUR, post=MEANFLOW)
    assert loss_of(LinearFlow.exact(), spec).loss.item() < 1e-26
    assert loss_of(LinearFlow(), spec).loss.item() > 0.01


@pytest.mark.parametrize("distance", ["norm", "pseudo-huber"])
def test_the_distance_is_that_of_the_spec(distance: str) -> None:
    spec = specs.CMT(trajectories=FOUR, post=ECM, distance=distance)  # type: ignore[arg-type]
    plain = loss_of(Ends(), specs.CMT(trajectories=FOUR, post=ECM))
    found = loss_of(Ends(), spec)
    assert torch.equal(found.parts["error"], plain.parts["error"])
    expected = found.parts["error"].sqrt().mean()  # of one dimension; Huber's c is small
    torch.testing.assert_close(found.loss, expected, rtol=1e-2, atol=0)


def test_training_reaches_the_closed_form() -> None:
    spec = specs.CMT(mid_share=1.0, trajectories=FOUR, post=ECM)
    found = trained(Ends(), spec, pool=GaussianPool(STEPS), steps=500)
    torch.testing.assert_close(found, Ends.exact().weights.detach(), rtol=0, atol=0.01)


def test_training_of_slopes_reaches_the_closed_form() -> None:
    spec = specs.CMT(mid_share=1.0, trajectories=FOUR, post=MEANFLOW)
    found = trained(LinearFlow(), spec, pool=GaussianPool(STEPS))
    torch.testing.assert_close(found, LinearFlow.exact().weights.detach(), rtol=0, atol=0.01)


@pytest.mark.parametrize("post", [ECM, MEANFLOW], ids=["ecm", "meanflow"])
def test_from_the_share_on_it_is_the_method_that_tunes(post: specs.Method) -> None:
    """Its progress runs from 0 to 1 over what is left; ECM's stages say where it is."""
    network = LinearFlow(0.3, 0.2)
    spec = specs.CMT(mid_share=0.6, trajectories=FOUR, post=post)  # type: ignore[arg-type]
    for progress, inner in ((0.6, 0.0), (0.8, 0.5), (0.99, 0.975)):
        found = loss_of(network, spec, progress)
        expected = build_objective(post, (1,))(
            alone(network), gaussian_batch(40), Randomness(0), inner
        )
        assert torch.equal(found.loss, expected.loss)
        assert found.parts.keys() == expected.parts.keys()
    middle = loss_of(network, spec, 0.59)
    assert middle.parts.keys() == {"error"}


def test_only_the_pool_counts_in_the_middle() -> None:
    spec = specs.CMT(mid_share=0.5, trajectories=FOUR, post=ECM)
    network = Ends(0.1, 0.1)
    assert loss_of(network, spec).loss == loss_of(network, spec, batch_seed=1).loss
    assert loss_of(network, spec, 0.7).loss != loss_of(network, spec, 0.7, batch_seed=1).loss


def test_labels_go_with_their_trajectories() -> None:
    spy = Spy(Ends())
    loss_of(spy, specs.CMT(trajectories=FOUR, post=ECM))
    (call,) = spy.calls
    assert call[0] == 40
    assert torch.equal(call[3], torch.arange(10).repeat(STEPS))


def test_no_trajectory_is_too_few() -> None:
    """A batch that is smaller than a trajectory has the states of one."""
    models = Models(Ends(), Ends(), pool=GaussianPool(STEPS))
    found = CMT(specs.CMT(trajectories=FOUR, post=ECM), (1,))(
        models, gaussian_batch(2), Randomness(0), 0.0
    )
    assert found.parts["error"].shape == (STEPS,)


def test_later_states_are_later_and_equally_likely() -> None:
    drawn = GaussianPool(STEPS).draw(5000, Randomness(0))
    x_t, t, _ = starts(drawn)
    x_s, s = later(drawn, Randomness(1))
    assert (s < t).all()
    first = s[:5000]
    for time in drawn.times[1:]:
        assert (first == time).double().mean().item() == pytest.approx(1 / STEPS, abs=0.03)
    # Of one trajectory: their ratio is that of the deviations, whatever the noise.
    scale = drawn.states[:, 0] / drawn.states[0, 0]
    at = {float(time): float(k) for time, k in zip(drawn.times, scale, strict=True)}
    ratio = torch.tensor([at[b] / at[a] for a, b in zip(t.tolist(), s.tolist(), strict=True)])
    torch.testing.assert_close((x_s / x_t).squeeze(1), ratio.double(), rtol=1e-5, atol=1e-6)


def test_average_velocities_need_whole_numbers() -> None:
    base = {"data": {"name": "eight-gaussians"}, "network": {"kind": "mlp"}}

    def keys(**fields: object) -> list[str]:
        spec = read_spec({**base, "method": {"kind": "cmt", **fields}})
        return [problem.key for problem in problems(spec, "points")]

    half = {"precision": "float16"}
    assert keys(trajectories=half) == []
    assert keys(trajectories=half, post={"kind": "meanflow"}) == ["method.trajectories.precision"]
    assert keys(post={"kind": "meanflow", "omega": 2.0}) == ["method.post.omega"]
