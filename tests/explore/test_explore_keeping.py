"""Part of a picture is kept while the rest is made anew."""

import pytest
import torch
from explore_support import exact_model, picture_model

from engine.contract.errors import UserError
from engine.contract.messages import Keep, Sampler
from engine.contract.source import Sample, Source
from engine.explore.draws import start
from engine.explore.jumps import states
from engine.explore.keeping import kept

ONE = Source("sample", 1, 3, sample=Sample(5))
KEEPS = [Keep("outside", (0.25, 0.5, 0.75, 1.0)), Keep("brightness"), Keep("coarse", factor=4)]


@pytest.mark.parametrize("keep", KEEPS, ids=lambda keep: keep.kind)
@pytest.mark.parametrize("steps", [1, 3])
def test_what_is_kept_is_there_at_the_end_and_the_rest_is_the_models(workspace, keep, steps):
    model = picture_model(workspace, labels=False)
    found = states(model, ONE, 1.0, 0.0, steps, sampler=Sampler(keep=keep))
    plain = states(model, ONE, 1.0, 0.0, steps, sampler=Sampler(gamma=1.0))
    data, project = kept(model, ONE, Sampler(keep=keep))
    assert torch.allclose(project(found.x_s), project(data), atol=1e-5)
    rest = found.x_s - project(found.x_s)
    assert not torch.allclose(rest[0], rest[1], atol=1e-3)  # other noise, another picture
    assert found.nfe == plain.nfe == steps
    if steps == 1:
        assert torch.allclose(rest, plain.x_s - project(plain.x_s), atol=1e-5)


def test_a_box_lies_on_pixels(workspace):
    model = picture_model(workspace, labels=False)
    sampler = Sampler(keep=Keep("outside", (0.0, 0.25, 0.5, 1.0)))
    data, project = kept(model, ONE, sampler)
    lost = (project(torch.ones_like(data)) == 0)[0, 0]
    assert lost[4:, :8].all()
    assert int(lost.sum()) == 12 * 8


def test_real_pictures_each_keep_their_own(workspace):
    model, source = picture_model(workspace, labels=False), Source("data", 2, 4)
    sampler = Sampler(keep=Keep("coarse", factor=2))
    found = states(model, source, 0.7, 0.0, 2, sampler=sampler)
    data, project = kept(model, source, sampler)
    assert torch.equal(data, start(model, source).data)
    assert torch.allclose(project(found.x_s), project(data), atol=1e-5)


@pytest.mark.parametrize(
    ("source", "sampler", "words"),
    [
        (Source(count=2), Sampler(keep=Keep("brightness")), "nothing to keep of noise"),
        (ONE, Sampler(keep=Keep("coarse", factor=99)), "2 to 16 pixels"),
        (ONE, Sampler(keep=Keep("outside", (0.5, 0.2, 0.5, 0.9))), "in order"),
        (ONE, Sampler(keep=Keep("outside", (0.1, 0.2, float("nan"), 0.9))), "in order"),
    ],
)
def test_what_cannot_be_kept_is_said(workspace, source, sampler, words):
    with pytest.raises(UserError, match=words):
        states(picture_model(workspace, labels=False), source, 1.0, 0.0, sampler=sampler)


def test_points_keep_nothing_and_a_velocity_renews_no_noise(workspace):
    sampler = Sampler(keep=Keep("brightness"))
    with pytest.raises(UserError, match="pictures alone"):
        states(exact_model(workspace), Source("data", count=4), 1.0, 0.0, sampler=sampler)
    from engine.contract.specs import FlowMatching

    velocity = picture_model(workspace, labels=False, of=FlowMatching())
    with pytest.raises(UserError, match="without new noise"):
        states(velocity, ONE, 1.0, 0.0, sampler=sampler)
