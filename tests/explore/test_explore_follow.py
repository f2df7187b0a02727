"""The true flow from where a model stands: there the exact model and its truth do the same."""

import numpy as np
import pytest
import torch
from explore_support import endpoint_model, exact_model, make_run, picture_model, velocity_model

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.messages import Carrier as Carries
from engine.contract.messages import Follow, Followed, Jump, Source
from engine.explore.answers import Answers
from engine.explore.follow import follow
from engine.explore.jumps import Carrier, states
from engine.explore.truth import truth
from engine.explore.ways import Abandoned

FEW = Source(seed=3, count=8)


@pytest.mark.parametrize("source", [FEW, Source("data", 3, 8)], ids=["noise", "data"])
@pytest.mark.parametrize(("t", "s"), [(1.0, 0.0), (0.7, 0.2), (0.3, 0.3), (0.2, 0.9)])
def test_the_exact_model_goes_where_the_truth_goes(workspace, source, t, s):
    model = exact_model(workspace)
    found, jumped = follow(model, source, t, s), states(model, source, t, s)
    assert torch.equal(found.x_t, jumped.x_t)
    assert torch.allclose(found.x_s, jumped.x_s, atol=2e-4)
    assert not found.memorises


def test_pictures_end_in_pictures_of_the_set_from_wherever_they_stand(workspace):
    model, source = picture_model(workspace), Source(seed=1, count=3)
    data = model.dataset.all()
    for t in (1.0, 0.6):
        found = follow(model, source, t, 0.0)
        nearest = torch.cdist(found.x_s.flatten(1), data.flatten(1)).min(1).values
        assert float(nearest.max()) < 0.05
        assert found.memorises


def test_from_noise_the_dense_flow_and_the_integrated_one_agree(workspace):
    model = picture_model(workspace)
    source = Source(seed=1, count=3)
    dense = follow(model, source, 1.0, 0.4).x_s
    true = truth(model, source)
    again = true.oracle.jump(follow(model, source, 1.0, 0.4).x_t, 1.0, 0.4)
    assert torch.allclose(dense, again, atol=1e-3)


@pytest.mark.parametrize("t", [1.0, 0.6])
def test_it_is_given_up_at_the_next_evaluation(workspace, t):
    looks = [3]

    def wanted():
        looks[0] -= 1
        return looks[0] > 0

    with pytest.raises(Abandoned):
        follow(exact_model(workspace), Source(seed=77, count=4), t, 0.0, wanted=wanted)
    assert looks[0] == 0


def test_an_unknown_flow_is_one_sentence(workspace):
    model = exact_model(workspace)
    model.dataset.exact = lambda: None
    with pytest.raises(UserError, match="The true flow of Eight Gaussians is not known"):
        follow(model, Source(seed=5, count=2), 1.0, 0.0)


def test_models_that_are_compared_stand_in_one_place(workspace):
    carrier, other = exact_model(workspace), endpoint_model(workspace)
    own = states(other, FEW, 0.5, 0.0)
    found = states(other, FEW, 0.5, 0.0, carrier=Carrier(carrier, carries().sampler))
    mine = states(carrier, FEW, 0.5, 0.0)
    assert torch.equal(found.x_t, mine.x_t)
    assert not torch.equal(own.x_t, mine.x_t)  # an endpoint adds noise of its own
    assert (found.carried, own.carried) == ("jump", "re-noise")
    assert torch.allclose(found.x_s, mine.x_s, atol=1e-3)


def test_a_model_that_carries_itself_changes_nothing(workspace):
    model = velocity_model(workspace)
    by = Carrier(model, carries().sampler)
    one, other = states(model, FEW, 0.5, 0.1), states(model, FEW, 0.5, 0.1, carrier=by)
    assert torch.equal(one.x_t, other.x_t)
    assert torch.equal(one.x_s, other.x_s)


def test_the_worker_answers_with_the_same_numbers(workspace):
    for name in ("run", "second"):
        make_run(workspace, name, steps=(10,) if name == "run" else (20,))
    answers = Answers(lambda: True)
    answers.workspace = workspace
    answer, payload = answers.answer(Follow(4, "run", FEW, 0.8, 0.1))
    assert isinstance(answer, Followed)
    arrays = unpack(answer.arrays, payload)
    found = follow(answers._model("run"), FEW, 0.8, 0.1)
    assert np.array_equal(arrays["x_s"], found.x_s.numpy())
    compared, payload = answers.answer(Jump(5, "second", FEW, 0.8, 0.1, carrier=carries()))
    assert np.array_equal(unpack(compared.arrays, payload)["x_t"], arrays["x_t"])
    alone, payload = answers.answer(Jump(6, "second", FEW, 0.8, 0.1))
    assert not np.array_equal(unpack(alone.arrays, payload)["x_t"], arrays["x_t"])


def carries():
    return Carries("run")
