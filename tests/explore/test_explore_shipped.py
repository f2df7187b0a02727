"""The films of shipped models: every frame can be asked, and the last is the model."""

import pytest
import torch

from engine.contract.catalogue import shipped_models
from engine.contract.films import Film
from engine.contract.source import Source
from engine.explore.films import kept_steps, shots
from engine.explore.models import load_model
from engine.flow.randomness import Randomness
from engine.metrics.distances import sliced_wasserstein

COUNT = 256


@pytest.mark.parametrize("name", shipped_models())
def test_the_training_leads_to_the_model(name, workspace):
    loaded = load_model(name, workspace)
    film = Film("training", t=1.0, s=0.0, source=Source(seed=3, count=COUNT))
    count, found = shots(loaded, name, film)
    frames = list(found)
    assert [shot.step for shot in frames] == kept_steps(f"{name}@{frames[0].step}", workspace)
    assert count == len(frames) >= 4
    last = load_model(f"{name}@{frames[-1].step}", workspace)
    weights = loaded.network.state_dict()
    assert all(torch.equal(weights[key], w) for key, w in last.network.state_dict().items())
    data = loaded.dataset.draw(COUNT, Randomness(0)).data
    far = [sliced_wasserstein(shot.x_s, data) for shot in frames]
    assert far[-1] == min(far) < 0.7 * far[0]
