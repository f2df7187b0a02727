"""Progressive distillation: one step equals two, in the paper's form and in closed form."""

import copy

import pytest
import torch
from gaussian_flow import DEVIATION, Spy, gaussian_batch
from gaussian_pool import Steps, exact_velocity, trained
from torch import Tensor, nn

from engine.contract import specs
from engine.contract.specs import problems, read_spec
from engine.data.batch import Batch
from engine.flow.clock import each, sigma_of, spread
from engine.flow.paths import Linear, Trig
from engine.flow.randomness import Randomness
from engine.flow.solvers import euler
from engine.objectives.base import Models
from engine.objectives.distillation import PD, two_steps, weight


def some_velocity(dimensions: int = 3) -> nn.Module:
    """A velocity of no particular shape, float64."""
    torch.manual_seed(0)
    layers = nn.Linear(dimensions + 1, 16), nn.Tanh(), nn.Linear(16, dimensions)
    return nn.Sequential(*layers).double().requires_grad_(False)


def drawn(count: int = 50) -> tuple[Tensor, Tensor, Tensor]:
    """x_t [count, 3] at t, and s < t."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, dtype=torch.float64, generator=generator)
    t = torch.linspace(0.1, 1, count, dtype=torch.float64)
    return x, t, t * torch.rand(count, dtype=torch.float64, generator=generator)


def test_one_step_is_two_of_any_teacher() -> None:
    network, (x, t, s) = some_velocity(), drawn()

    def v(x: Tensor, t: float | Tensor) -> Tensor:
        found: Tensor = network(torch.cat((x, each(t, x)[:, None]), 1))
        return found

    u = two_steps(v, x, t, s)
    twice = euler(v, euler(v, x, t, (t + s) / 2), (t + s) / 2, s)
    torch.testing.assert_close(x + spread(s - t, x) * u, twice, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("deviation", [1.0, 0.5])
def test_its_target_is_the_papers(deviation: float) -> None:
    """Algorithm 2 in its own letters: alpha = cos, sigma = sin, states on that path, DDIM steps.

    x~ = (z'' - (sigma''/sigma) z) / (alpha'' - (sigma''/sigma) alpha).
    """
    network, (x, t, s) = some_velocity(), drawn()
    path = Trig(deviation)

    def v(x: Tensor, t: float | Tensor) -> Tensor:
        found: Tensor = network(torch.cat((x, each(t, x)[:, None]), 1))
        return found

    def scales(t: Tensor) -> tuple[Tensor, Tensor]:
        own = path.time_of(sigma_of(t))[:, None]
        return path.a(own), path.b(own)

    def ddim(z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        (alpha, sigma), (alpha_s, sigma_s) = scales(t), scales(s)
        state = z / (alpha + sigma)
        data = Linear().data_from_velocity(state, v(state, t), t)
        return alpha_s * data + sigma_s / sigma * (z - alpha * data)

    z, _ = path.from_common(x, t)
    middle = (t + s) / 2
    twice = ddim(ddim(z, t, middle), middle, s)
    (alpha, sigma), (alpha_s, sigma_s) = scales(t), scales(s)
    target = (twice - sigma_s / sigma * z) / (alpha_s - sigma_s / sigma * alpha)
    found = x - t[:, None] * two_steps(v, x, t, s)
    torch.testing.assert_close(found, target, rtol=1e-8, atol=1e-8)
    # And its weight, max(SNR, 1) on the error of x, SNR = alpha^2 / sigma^2 where sigma_d = 1.
    if deviation == 1:
        snr = (alpha / sigma).square().squeeze(1)
        torch.testing.assert_close(weight(t), t.square() * snr.clamp(min=1))


def test_the_first_stage_asks_the_teacher_and_the_others_the_target() -> None:
    student, target, teacher = Spy(Steps(8)), Spy(Steps(8)), []

    def velocity(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
        teacher.append(len(x))
        return exact_velocity(x, t)

    objective = PD(specs.PD(8, 2), (1,))
    models = Models(student, target, velocity)
    batch = gaussian_batch(10)._replace(label=torch.arange(10))
    for progress, asked in ((0.0, 0), (0.4, 0), (0.5, 2), (0.9, 4)):
        objective.target_decay(progress)
        objective(models, batch, Randomness(0), progress)
        assert len(target.calls) == asked
    assert teacher == [10] * 4
    assert [call[:2] for call in student.calls] == [(10, True)] * 4
    assert [call[:2] for call in target.calls] == [(10, False)] * 4
    assert torch.equal(target.calls[0][3], batch.label)


def test_the_target_is_copied_once_as_a_stage_begins_and_then_stays() -> None:
    objective = PD(specs.PD(16, 2), (1,))
    decays = [objective.target_decay(step / 30) for step in range(30)]
    assert [step for step, decay in enumerate(decays) if decay == 0] == [10, 20]
    assert set(decays) == {0.0, 1.0}
    again = [objective.target_decay(29 / 30) for _ in range(3)]
    assert again == [1.0] * 3


def test_it_goes_on_in_the_stage_that_was_saved() -> None:
    """Else the target would be taken anew, from a student in the middle of its stage."""
    objective = PD(specs.PD(16, 2), (1,))
    objective.target_decay(0.5)
    restored = PD(specs.PD(16, 2), (1,))
    restored.load_state_dict(objective.state_dict())
    assert restored.target_decay(0.55) == 1.0
    assert restored.target_decay(0.7) == 0.0


def test_the_grid_is_that_of_the_stage() -> None:
    asked: list[Tensor] = []

    def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        assert torch.equal(t, s)
        asked.append(t)
        return x

    objective = PD(specs.PD(16, 1), (1,))
    for stage, steps in enumerate((8, 4, 2, 1)):
        objective.target_decay(stage / 4)
        asked.clear()
        found = objective(
            Models(network, network, exact_velocity), gaussian_batch(200), Randomness(stage), 0.0
        )
        assert found.parts["steps_of_grid"].tolist() == [steps]
        assert found.parts["stage"].tolist() == [stage]
        assert set((asked[-1] * steps).tolist()) == set(range(1, steps + 1))


def test_no_gradient_reaches_the_model_before() -> None:
    student, target = Steps(4), Steps(4)
    objective = PD(specs.PD(4, 1), (1,))
    objective.target_decay(0.9)
    found = objective(Models(student, target), gaussian_batch(20), Randomness(0), 0.9)
    found.loss.backward()
    assert student.weights.grad is not None
    assert target.weights.grad is None


def test_its_error_is_that_of_the_clean_point() -> None:
    """With the student at zero it is the mean square of t u, D being x - t u."""
    objective = PD(specs.PD(2, 1), (1,))  # one step, from t = 1
    found = objective(
        Models(Steps(1), Steps(1), exact_velocity), gaussian_batch(30), Randomness(0), 0.0
    )
    noise = Randomness(0).normal("noise", (30, 1)).double()
    one = torch.ones(30, dtype=torch.float64)
    u = two_steps(lambda x, t: exact_velocity(x, each(t, x)), noise, one, 0 * one)
    torch.testing.assert_close(found.parts["error"], u.square().mean(1))
    torch.testing.assert_close(found.loss, u.square().mean())


def factors(steps: int) -> Tensor:
    """What each DDIM step of the exact teacher multiplies x by, from t = 1 on."""
    t = torch.arange(steps, 0, -1, dtype=torch.float64) / steps
    one = torch.ones(1, 1, dtype=torch.float64)
    slope = torch.cat([exact_velocity(one, time[None]) for time in t]).squeeze(1)
    return 1 - slope / steps


def test_the_factors_are_those_of_ddim_in_ve() -> None:
    """(d^2 + sigma_i sigma_{i+1}) / (d^2 + sigma_{i+1}^2), as in consistency training."""
    steps = 16
    sigma = sigma_of(torch.arange(0, steps, dtype=torch.float64) / steps)  # below t = 1
    ve = (DEVIATION**2 + sigma[:-1] * sigma[1:]) / (DEVIATION**2 + sigma[1:] ** 2)
    # From t = 1, where the denoised point is the mean, 0: x_s = s noise, so sigma_s noise in VE.
    whole = ve.prod() * sigma[-1]
    torch.testing.assert_close(factors(steps).prod(), whole, rtol=1e-12, atol=0)


@pytest.mark.parametrize("last", [1, 2])
def test_training_reaches_the_closed_form(last: int) -> None:
    """After all stages one step is the product of the teacher's own, and no better."""
    first = 8
    student, target = Steps(first), Steps(first)
    found = trained(
        student, specs.PD(first, last), exact_velocity, steps=700, target=copy.deepcopy(target)
    )
    grouped = factors(first).reshape(last, -1).prod(1)  # of each step of the last student
    places = [first - 1 - k * (first // last) for k in range(last)]
    reached = 1 - found[places] / last
    torch.testing.assert_close(reached, grouped, rtol=0, atol=2e-3)
    ratio = float(reached.prod()) / DEVIATION
    assert ratio == pytest.approx(float(factors(first).prod()) / DEVIATION, abs=5e-3)
    assert abs(ratio - 1) > 0.02  # eight steps of DDIM do not end in the data's deviation


def test_a_number_of_steps_is_a_power_of_two() -> None:
    base = {"data": {"name": "eight-gaussians"}, "network": {"kind": "mlp"}}

    def keys(**fields: int) -> list[str]:
        spec = read_spec({**base, "method": {"kind": "pd", **fields}})
        return [problem.key for problem in problems(spec, "points")]

    assert keys() == []
    assert keys(first_steps=24) == ["method.first_steps"]
    assert keys(last_steps=3) == ["method.last_steps"]
    assert keys(first_steps=4, last_steps=4) == ["method.last_steps"]


def test_a_picture_keeps_its_shape() -> None:
    data = torch.randn(6, 3, 4, 4)
    network = lambda x, t, s, label: x  # noqa: E731
    found = PD(specs.PD(4, 1), (3, 4, 4))(
        Models(network, network, lambda x, t, label: -x), Batch(data, None), Randomness(0), 0.0
    )
    assert found.parts["error"].shape == (6,)
