"""`verify` proves of a run that it is what training it again makes of it, and says where not."""

import re

import numpy as np
import pytest
import torch
from kill_support import tiny
from msgspec.structs import replace
from session_support import NOWHERE, trained, trained_to

from engine.contract.errors import UserError
from engine.contract.specs import Cadence
from engine.runs import checkpoint
from engine.runs.folder import RunFolder
from engine.worker.verify import verify_run

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def everything(run: RunFolder) -> dict[str, tuple[bytes, int]]:
    return {
        str(p): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in sorted(run.path.rglob("*"))
        if p.is_file()
    }


def resealed(run: RunFolder, step: int, file: str, change) -> None:  # type: ignore[no-untyped-def]
    """A checkpoint that verifies, and holds something else."""
    path = run.checkpoint(step)
    found = checkpoint.Checkpoint(step, path)
    tensors = {name: found.tensors(name) for name in found.files()}
    change(tensors[file])
    checkpoint.seal(run, step, tensors, found.state())


@pytest.mark.parametrize("name", ["cd", "cmt", "meanflow"])
@pytest.mark.parametrize("stops", [(), (7,), (13, 17)])
def test_an_honest_run_is_the_same_bit_for_bit_and_is_not_touched(name, stops, run) -> None:
    spec = tiny(name)
    for stop in stops:
        trained_to(run, spec if stop == stops[0] else None, stop)
    trained(run, None if stops else spec)
    before = everything(run)
    told: list[tuple[int, int]] = []
    found = verify_run(run, NOWHERE, tell=lambda done, total: told.append((done, total)))
    assert found.same, found.sentence
    assert "bit for bit" in found.sentence
    assert "every tensor of the checkpoint" in found.sentence
    assert told == [(k, len(told)) for k in range(1, len(told) + 1)]
    assert everything(run) == before


def test_with_a_limit_it_is_trained_twice_by_different_cuts(run) -> None:
    trained(run, replace(tiny("ctm"), cadence=Cadence(save=10, keep=2, sample=4, count=4)))
    told: list[tuple[int, int]] = []
    found = verify_run(run, NOWHERE, 6, lambda done, total: told.append((done, total)))
    assert found.same
    assert "from step 10 to 16 twice, once with a stop" in found.sentence
    assert "6 rows of metrics and 2 previews" in found.sentence
    assert told[-1] == (12, 12)


def test_a_run_with_one_checkpoint_is_trained_anew_from_its_beginning(run) -> None:
    trained_to(run, tiny("fm"), 4)
    found = verify_run(run, NOWHERE)
    assert found.same
    assert "from the beginning to 4" in found.sentence


def test_a_run_without_a_checkpoint_has_nothing_to_verify(run) -> None:
    trained(run, tiny("fm"), "stop")
    with pytest.raises(UserError, match="no checkpoint yet"):
        verify_run(run, NOWHERE)


def tensor(run: RunFolder) -> None:
    def nudge(weights: dict[str, torch.Tensor]) -> None:
        first = next(iter(weights.values())).view(-1)
        first[0] = torch.nextafter(first[0], torch.tensor(9.0))

    resealed(run, 20, "ema-0.995", nudge)


def preview(run: RunFolder) -> None:
    samples = np.load(run.samples / "000016.npy")
    np.save(run.samples / "000016.npy", samples + 1)


def start(run: RunFolder) -> None:
    resealed(run, 15, "optimiser", lambda t: next(iter(t.values())).add_(0.1))


def stream(run: RunFolder) -> None:
    resealed(run, 15, "randomness", lambda t: t["draws.data"].copy_(t["training.noise"]))


LIES = {
    tensor: "ema-0.995 .* of the checkpoint of step 20 differ",
    preview: "the preview of step 16 differ",
    start: "step 16 and",
    stream: "step 16 and",
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_the_same_is_named(lie, run) -> None:
    trained(run, tiny("fm", "points"))
    assert run.checkpoints()[-2:] == [15, 20]
    lie(run)
    found = verify_run(run, NOWHERE)
    assert not found.same
    assert re.search(LIES[lie], found.sentence), found.sentence


def test_a_checkpoint_that_is_taken_away_meanwhile_costs_nothing(run, monkeypatch) -> None:
    """A run may be trained, and pruned, while it is verified."""
    trained(run, tiny("fm"))
    copied = verify_run.__globals__["_copy"]

    def pruned(source: RunFolder, place: RunFolder) -> None:
        checkpoint.prune(source, 1)
        copied(source, place)

    monkeypatch.setitem(verify_run.__globals__, "_copy", pruned)
    assert verify_run(run, NOWHERE).same
    assert run.checkpoints() == [20]


def test_a_device_that_does_not_repeat_itself_is_never_called_the_same(run, monkeypatch) -> None:
    """The weights are nudged as a GPU would, and the device says that it is one."""
    trained(run, tiny("fm"))
    tensor(run)
    say = verify_run.__globals__["_Verifying"]._say
    monkeypatch.setattr(
        verify_run.__globals__["_Verifying"],
        "_say",
        lambda self, device: say(self, torch.device("cuda")),
    )
    found = verify_run(run, NOWHERE)
    assert found.same
    assert "does not repeat itself to the last bit" in found.sentence
    assert "no proof" in found.sentence
    assert "bit for bit" not in found.sentence
    resealed(run, 20, "model", lambda t: next(iter(t.values())).mul_(1.5))
    assert not verify_run(run, NOWHERE).same
