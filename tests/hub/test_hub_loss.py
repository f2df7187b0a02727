"""The training loss over (t, s), as the hub hands it to a studio."""

import pytest
import torch

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.maps import LOSS_PARTS
from engine.contract.messages import ReadLoss
from engine.contract.specs import MLP, Data, FlowMatching, RunSpec
from engine.hub import files
from engine.runs.checkpoint import seal
from engine.runs.folder import RunFolder


def test_a_kept_step_is_handed_over_and_what_is_no_run_is_refused(tmp_path):
    run = RunFolder(tmp_path / "runs" / "one")
    run.create(RunSpec(Data("spiral"), FlowMatching(), MLP()))
    counts = torch.arange(LOSS_PARTS**2).reshape(LOSS_PARTS, LOSS_PARTS).float()
    seal(run, 70, {"loss-map": {"sums": 3 * counts, "counts": counts}}, {"step": 70})
    for asked in (ReadLoss(4, "one"), ReadLoss(4, "one", 70), ReadLoss(4, str(run.path))):
        answer, payload = files.loss(tmp_path, asked)
        assert (answer.id, answer.step) == (4, 70)
        found = unpack(answer.arrays, payload)
        assert found["counts"][2, 5] == 2 * LOSS_PARTS + 5
        assert (found["sums"] == 3 * found["counts"]).all()
    with pytest.raises(UserError, match="one has no map of its training loss"):
        files.loss(tmp_path, ReadLoss(4, "one", 60))
    with pytest.raises(UserError, match="is no run: only a run keeps"):
        files.loss(tmp_path, ReadLoss(4, "/a/mine.safetensors"))
