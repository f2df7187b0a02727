"""The flow map that a network stands for, with exact velocities in the network's place."""

from typing import get_args

import pytest
import torch
from flow_support import GAUSSIAN, Exact, points

from engine.contract.catalogue import METHODS
from engine.contract.messages import Solver
from engine.flow.base import FlowMap
from engine.flow.clock import spread
from engine.flow.flow_map import AverageVelocity, Velocity, flow_map_for
from engine.flow.sampling import sample
from engine.flow.solvers import even

# The first forward derivative of a process makes torch build its table with torch.jit.script.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
SOLVERS = get_args(Solver)


def exact_maps() -> list[FlowMap]:
    return [AverageVelocity(Exact()), *(Velocity(Exact(), solver) for solver in SOLVERS)]


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_any_number_of_exact_jumps_is_one_jump(steps: int) -> None:
    exact = GAUSSIAN.jump(points(), 1.0, 0.0)
    found = sample(AverageVelocity(Exact()), points(), even(1.0, 0.0, steps))
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-10)


def test_an_average_velocity_jumps_either_way_and_one_time_a_sample() -> None:
    generator = torch.Generator().manual_seed(2)
    t, s = torch.rand(2, 20, generator=generator, dtype=torch.float64)
    found = AverageVelocity(Exact()).jump(points(), t, s)
    torch.testing.assert_close(found, GAUSSIAN.jump(points(), t, s), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("solver", "steps", "within"), [("rk4", 100, 1e-8), ("heun", 400, 1e-4), ("dpm++2m", 400, 1e-3)]
)
def test_the_exact_velocity_integrates_to_the_exact_jump(
    solver: Solver, steps: int, within: float
) -> None:
    for t, s in ((1.0, 0.0), (0.8, 0.3), (0.1, 0.9)):
        found = Velocity(Exact(), solver).jump(points(), t, s, steps=steps)
        torch.testing.assert_close(found, GAUSSIAN.jump(points(), t, s), rtol=0, atol=within)


@pytest.mark.parametrize("flow_map", exact_maps())
def test_one_step_is_u(flow_map: FlowMap) -> None:
    x = points()
    one = flow_map.jump(x, 0.9, 0.2)
    torch.testing.assert_close(one, x - 0.7 * flow_map.u(x, 0.9, 0.2), rtol=0, atol=1e-10)


@pytest.mark.parametrize("flow_map", exact_maps())
def test_on_the_diagonal_u_is_v_and_the_jump_stays(flow_map: FlowMap) -> None:
    x, t = points(), torch.linspace(0, 1, 20, dtype=torch.float64)
    assert flow_map.u(x, t, t).equal(GAUSSIAN.v(x, t))
    assert flow_map.v(x, 0.5).equal(GAUSSIAN.v(x, 0.5))
    assert flow_map.jump(x, t, t, steps=3).equal(x)
    assert flow_map.jump(x, 0.3, 0.3).equal(x)


def test_u_of_a_velocity_where_some_samples_stand_still() -> None:
    x, t = points(4), torch.tensor([0.2, 0.5, 0.7, 0.9], dtype=torch.float64)
    s = torch.tensor([0.2, 0.1, 0.7, 0.3], dtype=torch.float64)
    flow_map = Velocity(Exact(), "rk4")
    u = flow_map.u(x, t, s)
    assert u[[0, 2]].equal(GAUSSIAN.v(x, t)[[0, 2]])
    moved = x + spread(s - t, x) * u
    torch.testing.assert_close(moved, flow_map.jump(x, t, s), rtol=0, atol=1e-10)


@pytest.mark.parametrize("solver", [*SOLVERS, None])
@pytest.mark.parametrize("steps", [1, 4])
def test_evaluations_are_counted_truly(solver: Solver | None, steps: int) -> None:
    network = Exact()
    flow_map = AverageVelocity(network) if solver is None else Velocity(network, solver)
    flow_map.jump(points(), 1.0, 0.5, steps=steps)
    assert len(network.calls) == flow_map.nfe(1.0, 0.5, steps)


@pytest.mark.parametrize("kind", [AverageVelocity, Velocity])
def test_the_network_is_told_times_and_label(kind: type[AverageVelocity | Velocity]) -> None:
    network, label = Exact(), torch.zeros(20, dtype=torch.int64)
    flow_map = kind(network)
    flow_map.jump(points(), 1.0, 0.5, label)
    flow_map.u(points(), 1, 0.5, label)
    flow_map.v(points(), 0.5, label)
    for t, s, told in network.calls:
        assert (t.shape, s.shape, t.dtype, s.dtype) == ((20,), (20,), torch.float64, torch.float64)
        assert told is label


def test_u_has_a_forward_derivative() -> None:
    """du/dt along (v, 1, 0) agrees with a central difference along the trajectory."""
    flow_map, x, step = AverageVelocity(Exact()), points(), 1e-4
    t, s = torch.full((20,), 0.7, dtype=torch.float64), torch.full((20,), 0.2, dtype=torch.float64)
    directions = (flow_map.v(x, t), torch.ones_like(t), torch.zeros_like(s))
    _, du = torch.func.jvp(flow_map.u, (x, t, s), directions)
    ahead, behind = (flow_map.u(GAUSSIAN.jump(x, t, t + d), t + d, s) for d in (step, -step))
    torch.testing.assert_close(du, (ahead - behind) / (2 * step), rtol=0, atol=1e-7)


def test_every_method_has_a_flow_map_of_its_capability() -> None:
    for method in METHODS:
        assert flow_map_for(method.name, Exact()).capability == method.capability
    with pytest.raises(KeyError):
        flow_map_for("unheard-of", Exact())
