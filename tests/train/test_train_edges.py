"""Every method's model at the edges of (t, s): finite everywhere, and at s = t it stays."""

from itertools import product
from pathlib import Path

import pytest
import torch
from test_train_methods import NAMES, built, rows, spec_of

from engine.contract.learned import learned
from engine.flow.flow_map import flow_map_for

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

EDGES = (0.0, 1e-7, 0.25, 0.5, 1 - 1e-7, 1.0)


@pytest.mark.parametrize("kind", ["points", "emoji-16"])
@pytest.mark.parametrize("name", NAMES)
def test_a_jump_from_any_edge_to_any_is_finite_and_to_itself_is_none(
    name: str, kind: str, tmp_path: Path
) -> None:
    spec = spec_of(name, kind)
    trainer = built(spec, tmp_path)
    rows(trainer)
    known = learned(spec, trainer.step)
    flow_map = flow_map_for(known.method, trainer.network.eval(), grid=known.grid)
    x = torch.randn(3, *trainer.dataset.info.shape)
    with torch.no_grad():
        for t, s in product(EDGES, EDGES):
            found = flow_map.jump(x, t, s)
            assert found.isfinite().all(), (t, s)
            if t == s:
                assert torch.equal(found, x), t
