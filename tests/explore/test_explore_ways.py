"""What a model of each capability may be asked, what comes of it, and what is said about it."""

import math

import pytest
import torch
from explore_support import (
    dyadic_model,
    endpoint_model,
    exact_model,
    make_run,
    picture_model,
    points_spec,
    velocity_model,
)
from msgspec.structs import replace

from engine.contract.catalogue import Grid, Guidance
from engine.contract.errors import UserError
from engine.contract.messages import Sampler, Source
from engine.contract.specs import (
    CMT,
    PD,
    Data,
    FlowMatching,
    ImprovedMeanFlow,
    MeanFlow,
    Shortcut,
    Teacher,
)
from engine.explore.draws import draw_noise
from engine.explore.jumps import jump_states, state_at, states
from engine.explore.models import _info, load_model
from engine.explore.traces import traces
from engine.explore.ways import way
from engine.flow.guidance import carrying

SOURCE = Source(count=32)


def close(a, b, atol=2e-4):
    assert a.shape == b.shape
    assert float((a - b).abs().max()) <= atol


@pytest.mark.parametrize(
    ("build", "t", "s", "how", "outside"),
    [
        (exact_model, 0.9, 0.2, "jump", False),
        (exact_model, 0.2, 0.9, "jump", True),
        (exact_model, 0.4, 0.4, "stay", False),
        (velocity_model, 0.9, 0.2, "ODE", False),
        (velocity_model, 0.2, 0.9, "ODE", False),
        (endpoint_model, 0.9, 0.0, "jump", False),
        (endpoint_model, 0.9, 0.2, "re-noise", False),
        (endpoint_model, 0.2, 0.9, "re-noise", False),
        (dyadic_model, 0.5, 0.25, "jump", False),
        (dyadic_model, 0.75, 0.25, "composed", False),
        (dyadic_model, 0.7, 0.25, "composed", True),
        (dyadic_model, 0.25, 0.75, "jump", True),
    ],
)
def test_the_answer_says_what_was_done(workspace, build, t, s, how, outside):
    found = states(build(workspace), Source("data", 0, 4), t, s)
    assert (found.how, found.outside, found.carried) == (how, outside, "")


@pytest.mark.parametrize(
    ("build", "carried"),
    [
        (exact_model, "jump"),
        (velocity_model, "ODE"),
        (endpoint_model, "re-noise"),
        (dyadic_model, "composed"),
    ],
)
def test_the_answer_says_how_noise_came_to_t(workspace, build, carried):
    model = build(workspace)
    assert states(model, Source(count=4), 0.625, 0.5).carried == carried
    assert states(model, Source(count=4), 1.0, 0.5).carried == ""


def test_dyadic_jumps_are_exact_and_counted(workspace):
    model = dyadic_model(workspace)
    noise = draw_noise(0, 32, (2,))
    model.network.asked = 0
    found = states(model, SOURCE, 1.0, 0.125)
    assert model.network.asked == found.nfe == 3
    close(found.x_s, model.network.oracle.jump(noise, 1.0, 0.125))
    assert states(model, SOURCE, 1.0, 0.0, 3).nfe == 4


def test_noise_that_is_added_depends_on_the_seed_and_the_sample_alone(workspace):
    model = endpoint_model(workspace)
    few, many = (states(model, Source(count=n), 0.7, 0.4) for n in (9, 70))
    close(few.x_t, many.x_t[:9], 1e-5)
    close(few.x_s, many.x_s[:9], 1e-5)
    other = states(model, Source(seed=1, count=9), 0.7, 0.4)
    assert not torch.allclose(other.x_s, few.x_s)


def test_an_endpoint_adds_its_own_noise_at_t_and_at_s(workspace):
    """x_t = 0.3 f(noise) + 0.7 n and x_s = 0.6 f(x_t) + 0.4 n', all three independent."""
    model = endpoint_model(workspace)
    source = Source(count=200)
    oracle, noise = model.network.oracle, draw_noise(0, 200, (2,))
    found = states(model, source, 0.7, 0.4)
    added = (found.x_t - 0.3 * oracle.jump(noise, 1.0, 0.0)) / 0.7
    again = (found.x_s - 0.6 * oracle.jump(found.x_t, 0.7, 0.0)) / 0.4
    drawn = torch.cat([noise, added, again], 1)
    assert float((torch.cov(drawn.T) - torch.eye(6)).abs().max()) < 0.3
    assert drawn.std(0) == pytest.approx(torch.ones(6), abs=0.15)


def test_while_s_moves_the_added_noise_stays(workspace):
    model = endpoint_model(workspace)
    data, near, there = (states(model, SOURCE, 0.8, s).x_s for s in (0.0, 0.3, 0.31))
    noise = (near - 0.7 * data) / 0.3
    close(there, 0.69 * data + 0.31 * noise, 1e-4)


def test_gamma_is_of_use_between_jumps_only(workspace):
    model = exact_model(workspace)
    plain = states(model, SOURCE, 1.0, 0.0, 2)
    assert (plain.how, plain.nfe) == ("composed", 2)
    close(states(model, SOURCE, 1.0, 0.0, 1, sampler=Sampler(gamma=0.5)).x_s, plain.x_s)
    noisy = states(model, SOURCE, 1.0, 0.0, 2, sampler=Sampler(gamma=0.5))
    assert (noisy.how, noisy.nfe, noisy.outside) == ("re-noise", 2, False)
    assert not torch.allclose(noisy.x_s, plain.x_s, atol=0.1)
    # Denoised to data, and from there only noise is added: nothing untrained is asked for.
    assert not states(model, SOURCE, 0.3, 0.6, 1, sampler=Sampler(gamma=1.0)).outside
    assert states(model, SOURCE, 0.3, 0.6, 1, sampler=Sampler(gamma=0.1)).outside


def test_solvers_of_a_velocity(workspace):
    model = velocity_model(workspace)
    noise = state_at(model, SOURCE, 1.0)
    exact = model.network.oracle.jump(noise, 1.0, 0.3)
    for solver, each in (("euler", 1), ("heun", 2), ("rk4", 4), ("dpm++2m", 1)):
        model.network.asked = 0
        found = states(model, SOURCE, 1.0, 0.3, 8, sampler=Sampler(solver=solver))
        assert model.network.asked == found.nfe == 8 * each
        close(found.x_s, exact, 0.5)
    karras = states(model, SOURCE, 1.0, 0.0, 30, sampler=Sampler(times="karras"))
    close(karras.x_s, model.network.oracle.jump(noise, 1.0, 0.0), 0.1)


def test_times_to_pass_are_passed(workspace):
    model = exact_model(workspace)
    assert [*way(model, 1.0, 0.0, 9, Sampler(times=(0.6, 0.3))).times] == [1.0, 0.6, 0.3, 0.0]
    assert states(model, SOURCE, 1.0, 0.0, 9, sampler=Sampler(times=(0.6, 0.3))).nfe == 3
    refused = ((0.3, 0.6), (1.5,), (-0.1,), (math.nan,), (0.5,) * 2000)
    standing = ((1.0,), (0.0,), (0.5, 0.5))  # a step of no length is an evaluation for nothing
    for times in refused + standing:
        with pytest.raises(UserError, match="must lead from 1 to 0 in order"):
            states(model, SOURCE, 1.0, 0.0, sampler=Sampler(times=times))


def test_dyadic_steps_with_new_noise_stay_on_the_grid(workspace):
    found = states(dyadic_model(workspace), SOURCE, 1.0, 0.0, 3, sampler=Sampler(gamma=1.0))
    assert (found.how, found.outside) == ("re-noise", False)


@pytest.mark.parametrize(
    ("build", "sampler", "words"),
    [
        (exact_model, Sampler(gamma=2.0), "gamma must lie between"),
        (exact_model, Sampler(gamma=math.nan), "gamma must lie between"),
        (exact_model, Sampler(solver="euler"), "only a velocity takes a solver"),
        (exact_model, Sampler(guidance=2.0), "cannot be guided while sampling"),
        (exact_model, Sampler(guidance_to=0.5), "cannot be guided while sampling"),
        (velocity_model, Sampler(gamma=0.5), "without new noise"),
        (velocity_model, Sampler(guidance=2.0), "cannot be guided while sampling"),
        (endpoint_model, Sampler(gamma=0.5), "gamma must be 1"),
        (endpoint_model, Sampler(solver="rk4"), "only a velocity takes a solver"),
        (dyadic_model, Sampler(gamma=0.5), "leave the dyadic grid"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(workspace, build, sampler, words):
    with pytest.raises(UserError, match=words):
        states(build(workspace), SOURCE, 1.0, 0.0, 2, sampler=sampler)


def test_guidance_reaches_the_network_and_costs_twice(workspace):
    model = picture_model(workspace, of=FlowMatching())
    source = Source(count=4, label=1)
    one, two = (
        states(model, source, 1.0, 0.5, 1, sampler=Sampler(solver="euler", guidance=weight))
        for weight in (1.0, 3.0)
    )
    plain, _ = jump_states(model, one.x_t, 1.0, 0.5, label=1, sampler=Sampler(solver="euler"))
    close(one.x_s, plain, 1e-5)
    assert (one.nfe, two.nfe) == (1, 2)
    hidden, t = torch.full((4,), model.classes), torch.ones(4)
    v = model.network(one.x_t, t, t, hidden)
    told = model.network(one.x_t, t, t, torch.full((4,), 1))
    close(two.x_s, one.x_t - 0.5 * (v + 3 * (told - v)), 1e-4)
    with pytest.raises(UserError, match="between 0 and 100, not nan"):
        states(model, source, 1.0, 0.5, sampler=Sampler(guidance=math.nan))


def pronounced(model):
    """With weights so large that what the network is told shows in its answer."""
    for weights in model.network.parameters():
        weights.mul_(5)
    return model


def test_guidance_holds_within_its_interval(workspace):
    model = pronounced(picture_model(workspace, of=FlowMatching()))
    x, euler = draw_noise(0, 4, (3, 16, 16)), Sampler(solver="euler")

    def stepped(t, **guidance):
        asked = replace(euler, **guidance)
        return jump_states(model, x, t, t - 0.1, label=1, sampler=asked)[0]

    for t, held in ((0.3, False), (0.4, True), (0.7, True), (0.8, False)):
        within = stepped(t, guidance=3.0, guidance_from=0.4, guidance_to=0.7)
        close(within, stepped(t, guidance=3.0 if held else 1.0), 1e-5)
    assert not torch.allclose(stepped(0.4, guidance=3.0), stepped(0.4), atol=1e-3)


def told_model(workspace, **fields):
    """One that learned all guidances, of weights with no meaning."""
    model = pronounced(picture_model(workspace, of=ImprovedMeanFlow(guidance="chosen", **fields)))
    model.info = _info("told", model.spec, model.info.data, 0, 0.99, 1)
    return model


class TestAModelThatIsToldItsGuidance:
    source = Source(count=4, label=1)

    def test_it_reaches_the_network_at_the_cost_of_one(self, workspace):
        model = told_model(workspace, omega=2.0, guidance_to=0.75)
        t, s, label = torch.ones(4), torch.full((4,), 0.5), torch.full((4,), 1)
        found = {}
        for asked, numbers in (
            (Sampler(), (2.0, 0.0, 0.75)),
            (Sampler(guidance=1.0), (1.0, 0.0, 0.75)),
            (Sampler(guidance=6.5, guidance_from=0.25, guidance_to=1.0), (6.5, 0.25, 1.0)),
        ):
            found[numbers] = states(model, self.source, 1.0, 0.5, sampler=asked)
            guidance = torch.tensor(numbers).expand(4, 3)
            u = model.network(found[numbers].x_t, t, s, carrying(label, guidance))
            close(found[numbers].x_s, found[numbers].x_t - 0.5 * u, 1e-5)
        assert {each.nfe for each in found.values()} == {1}
        first, second, third = (each.x_s for each in found.values())
        assert not torch.allclose(first, second, atol=1e-3)
        assert not torch.allclose(first, third, atol=1e-3)

    def test_noise_is_carried_under_the_same(self, workspace):
        model, asked = told_model(workspace), Sampler(guidance=5.0)
        found = states(model, self.source, 0.5, 0.25, sampler=asked)
        close(found.x_t, states(model, self.source, 1.0, 0.5, sampler=asked).x_s, 1e-5)
        assert not torch.allclose(found.x_t, states(model, self.source, 0.5, 0.25).x_t, atol=1e-3)

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            (Sampler(guidance=0.5), "between 1 and 8, not 0.5"),
            (Sampler(guidance=9.0), "between 1 and 8, not 9"),
            (Sampler(guidance=math.nan), "between 1 and 8, not nan"),
            (Sampler(guidance_from=0.75, guidance_to=0.5), "not from 0.75 to 0.5"),
            (Sampler(guidance_to=1.5), "not from 0 to 1.5"),
            (Sampler(guidance_from=math.nan), "not from nan to 1"),
            (Sampler(solver="rk4"), "only a velocity takes a solver"),
        ],
    )
    def test_what_it_did_not_learn_is_refused(self, workspace, asked, words):
        with pytest.raises(UserError, match=words):
            states(told_model(workspace), self.source, 1.0, 0.0, sampler=asked)


def test_who_may_be_guided_is_told_with_the_model(workspace):
    def info(spec):
        return _info("m", spec, picture_model(workspace).info.data, 0, 0.99, 1)

    spec = picture_model(workspace, of=FlowMatching()).spec
    assert info(spec).guidance == Guidance()
    shown = Data("emoji-16", labels=True, label_dropout=0.0)
    assert info(replace(spec, data=shown)).guidance is None
    assert info(replace(spec, data=Data("emoji-16"))).guidance is None
    assert info(picture_model(workspace).spec).guidance is None
    usual = ImprovedMeanFlow(guidance="chosen", omega=2.5, omega_most=6.0, guidance_to=0.75)
    assert info(replace(spec, method=usual)).guidance == Guidance(1.0, 6.0, 2.5, 0.0, 0.75, True)
    assert info(replace(spec, method=ImprovedMeanFlow(omega=2.5))).guidance is None
    assert info(points_spec(Shortcut(halvings=3))).grid == Grid(8)


def test_a_run_of_another_grid_composes_on_its_own(workspace):
    make_run(workspace, spec=points_spec(Shortcut(halvings=2)))
    model = load_model("run", workspace)
    assert states(model, SOURCE, 1.0, 0.25).nfe == 2
    assert states(model, SOURCE, 1.0, 0.125).outside


def test_each_sample_may_have_times_of_its_own(workspace):
    x, t = draw_noise(0, 4, (2,)), torch.tensor([1.0, 0.75, 0.5, 0.5])
    s = torch.tensor([0.0, 0.25, 0.5, 0.0])
    for build in (dyadic_model, endpoint_model):
        model = build(workspace)
        together, taken = jump_states(model, x, t, s)
        assert torch.equal(together[2], x[2])
        for k in (0, 1, 3):
            right = model.network.oracle.jump(x[k : k + 1], float(t[k]), float(s[k]))
            if build is dyadic_model or s[k] == 0:
                close(together[k : k + 1], right, 1e-3)
        assert taken.how == ("composed" if build is dyadic_model else "re-noise")
    for times in ("karras", (0.3,)):
        with pytest.raises(UserError, match="take even times"):
            jump_states(exact_model(workspace), x, t, s, sampler=Sampler(times=times))


def test_an_endpoint_has_no_paths_and_says_why(workspace):
    model = endpoint_model(workspace)
    to_data = traces(model, SOURCE, 0.9, 0.0, 4, 10)
    assert to_data.learned.shape == (4, 0, 2)
    assert to_data.exact.shape == (4, 10, 2)
    assert "no path to draw" in to_data.why
    between = traces(model, SOURCE, 0.9, 0.3, 4, 10)
    assert between.learned.shape == (4, 0, 2)


def test_with_new_noise_there_are_no_paths_either(workspace):
    found = traces(exact_model(workspace), SOURCE, 1.0, 0.3, 4, 10, sampler=Sampler(gamma=0.5))
    assert found.learned.shape[1] == 0
    assert found.why == "Noise is added on the way: no path to draw."
    assert traces(exact_model(workspace), SOURCE, 1.0, 0.3, 4, 10).why == ""


def test_paths_of_a_dyadic_model_pass_times_that_it_knows(workspace):
    model = dyadic_model(workspace)
    found = traces(model, SOURCE, 0.75, 0.125, 6, 10)
    assert all(time * 128 == int(time * 128) for time in found.times)
    assert (found.times[0], found.times[-1]) == (0.75, 0.125)
    close(found.learned, found.exact, 0.01)


def test_progressive_distillation_is_asked_for_the_steps_of_its_stage(workspace):
    spec = points_spec(PD(first_steps=8, last_steps=2, teacher=Teacher(steps=30)))
    folder = make_run(workspace, steps=(30, 60, 130), spec=spec)
    teacher, early, late = (
        load_model(f"{folder.name}@{step}", workspace) for step in (30, 60, 130)
    )
    assert (teacher.info.capability, early.info.capability) == ("velocity", "dyadic")
    assert teacher.info.note.startswith("Still the teacher. Step 30 of 130")
    assert (early.info.grid, late.info.grid) == (Grid(4, 1), Grid(2, 1))
    assert [states(model, SOURCE, 1.0, 0.0).nfe for model in (teacher, early, late)] == [2, 4, 2]


def test_mid_training_before_meanflow_ends_as_a_flow_map(workspace):
    spec = points_spec(CMT(post=MeanFlow(), teacher=Teacher("exact")))
    make_run(workspace, spec=spec)
    model = load_model("run", workspace)
    assert (model.info.method, model.info.capability) == ("cmt", "flow map")
    assert states(model, SOURCE, 1.0, 0.4).how == "jump"
