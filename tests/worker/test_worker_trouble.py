"""Numbers that go bad, memory that runs out, and faults of the program, in a session."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load_file
from session_support import NOWHERE, curves, of_kind, stopping_at, tensors, trained, trained_to

from engine.contract.errors import UserError
from engine.contract.journal import Noticed, Skipped, Started
from engine.contract.messages import Left
from engine.contract.specs import LSD, MLP, MeanFlow
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.mlp import MLP as Perceptron
from engine.runs.changes import changed, standing
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.runs.summary import summarise
from engine.train.fit import Fit, Measured
from engine.train.optimiser import learning_rate
from engine.train.trainer import PATIENCE, Row, Trainer
from engine.train.watch import Watch
from engine.worker.session import Session
from engine.worker.verify import verify_run

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def test_a_preview_that_fails_costs_nothing_else(run, points, monkeypatch) -> None:
    def out_of_memory(trainer: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Trainer, "preview", out_of_memory)
    assert trained(run, points).how == "finished"
    history = read_history(run)
    assert of_kind(history, Noticed) == [5, 10, 15, 20]
    assert history.samples == []


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("x"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
        UserError("One sentence."),
    ],
)
def test_a_failure_is_written_down_and_the_run_can_go_on(run, points, monkeypatch, fault) -> None:
    update = Trainer._batch

    def failing(trainer: Trainer) -> object:
        if trainer.step == 8:
            raise fault
        return update(trainer)

    monkeypatch.setattr(Trainer, "_batch", failing)
    left = trained(run, points)
    assert (left.how, left.step) == ("failed", 8)
    assert left.message.endswith(".")
    assert read_history(run).ended is not None
    monkeypatch.setattr(Trainer, "_batch", update)
    assert trained(run, None) == Left("finished", 20)
    assert read_history(run).steps.tolist() == list(range(1, 21))


def test_a_fault_of_the_program_is_written_down_and_not_hidden(run, points, monkeypatch) -> None:
    def broken(trainer: Trainer) -> object:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(Trainer, "_batch", broken)
    with pytest.raises(ZeroDivisionError):
        trained(run, points)
    ended = read_history(run).ended
    assert ended is not None
    assert "by zero" in ended.message
    assert "ZeroDivisionError" in run.log.read_text()


def told(run: RunFolder) -> list[str]:
    return [e.message for e in read_history(run).events if isinstance(e, Noticed)]


def wild(monkeypatch) -> None:
    """A learning rate of 1 is one of a thousand million: more than any form lets through."""
    monkeypatch.setattr(
        "engine.train.optimiser.learning_rate",
        lambda spec, step: 1e9 if spec.learning_rate == 1.0 else learning_rate(spec, step),
    )


def test_a_rate_that_breaks_it_is_taken_back_offered_smaller_and_gone_on_with(
    run, points, tmp_path, monkeypatch
) -> None:
    """The whole way: it blows up, is skipped, taken back; then it ends as if nothing had been."""
    spec = replace(points, network=MLP(16, 3), training=replace(points.training, steps=50))
    whole = RunFolder(tmp_path / "whole")
    trained(whole, spec)
    wild(monkeypatch)
    trained_to(run, spec, 8)
    text = run.spec_file.read_bytes()
    left = trained(run, None, changes=["training.learning_rate=1"])
    assert left.how == "failed"
    first = next(e.step for e in read_history(run).events if isinstance(e, Skipped))
    assert left.step == first + PATIENCE - 1
    assert "not finite in 20 updates in a row" in left.message
    assert "taken back to step 8, the last that was good" in left.message
    assert f"resume {run.path} --set training.learning_rate=0.5" in left.message
    assert summarise(run).message == left.message
    assert (summarise(run).state, summarise(run).checkpoint) == ("failed", 8)
    assert run.checkpoints() == [6, 8]  # two are kept, and none of them was pruned for a bad one
    aside = sorted(path.name for path in run.checkpoint(8).parent.glob("*.bad"))
    assert aside == ["000012.bad", "000018.bad", "000024.bad"]
    assert "000012.bad, 000018.bad, 000024.bad are kept aside" in left.message
    assert run.spec_file.read_bytes() == text
    assert trained(run, None, changes=["training.learning_rate=0.002"]).how == "finished"
    assert run.spec_file.read_bytes() == text
    assert curves(run) == curves(whole)
    wanted = tensors(whole)
    for name, group in tensors(run).items():
        assert all(torch.equal(v, wanted[name][k]) for k, v in group.items()), name


def test_with_no_checkpoint_it_is_taken_back_to_its_beginning(run, points, monkeypatch) -> None:
    wild(monkeypatch)
    training = replace(points.training, steps=50, learning_rate=1.0)
    left = trained(run, replace(points, network=MLP(16, 3), training=training))
    assert "taken back to its beginning" in left.message
    assert run.checkpoints() == []
    assert trained(run, None, changes=["training.learning_rate=0.001"]) == Left("finished", 50)


def test_a_change_stands_until_another_and_spec_toml_says_how_it_began(run, points) -> None:
    trained_to(run, points, 4)
    trained(run, None, *stopping_at(4), changes=["training.clip=0.5", "cadence.sample=3"])
    trained(run, None, *stopping_at(4), changes=["training.clip=0.25"])
    assert trained(run, None) == Left("finished", 20)
    assert run.spec() == points
    begun = [e for e in read_history(run).events if isinstance(e, Started)]
    assert begun[0].changes == ()
    both = (("training.clip", "0.25"), ("cadence.sample", "3"))
    assert begun[-1].changes == begun[-2].changes == both
    assert "training.clip is 0.25 from here on, instead of 0.5." in told(run)
    assert changed(run.spec(), standing(run)).training.clip == 0.25
    assert verify_run(run, NOWHERE).same


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("data.name=rings", "cannot change data.name"),
        ("training.ema=0.5", "cannot change training.ema"),
        ("seed=3", "cannot change seed"),
        ("training.steps=40", "cannot change training.steps"),
        ("training.learning_rate=9", "at most 1, not 9"),
        ("training.learning_rate=nan", "Learning rate"),
        ("training.batch=0", "at least 1, not 0"),
        ("training.size=1", "no field"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_is_written(
    run, points, change, words
) -> None:
    trained_to(run, points, 4)
    before = run.journal.read_bytes()
    with pytest.raises(UserError, match=words):
        trained(run, None, changes=[change])
    assert run.journal.read_bytes() == before


def test_a_skipped_step_is_kept_with_all_that_it_was_given(run, points, monkeypatch) -> None:
    draw = Trainer._batch

    def spoilt(trainer: Trainer) -> Batch:
        data, label = draw(trainer)
        if trainer.step == 8:
            data[2, 1] = torch.nan
        return Batch(data, label)

    monkeypatch.setattr(Trainer, "_batch", spoilt)
    assert trained(run, points) == Left("finished", 20)
    (skipped,) = [e for e in read_history(run).events if isinstance(e, Skipped)]
    assert (skipped.step, skipped.file) == (9, "000009.safetensors")
    kept = load_file(run.bad / skipped.file)
    assert {"data", "noise", "t", "s", "loss"} <= kept.keys()
    assert kept["data"].isnan().nonzero().tolist() == [[2, 1]]
    assert kept["loss"].isnan().nonzero().tolist() == [[2]]
    assert kept["noise"].isfinite().all()
    assert {len(value) for value in kept.values()} == {points.training.batch}


def test_keeping_what_was_given_moves_no_stream(run, points, tmp_path, monkeypatch) -> None:
    """The run is the same with the files and without."""
    measured = Fit.measure

    def spoilt(fit: Fit, batch: Batch, randomness: Randomness, step: int) -> Measured:
        found = measured(fit, batch, randomness, step)
        return found._replace(values=found.values | {"loss": math.inf}) if step == 7 else found

    monkeypatch.setattr(Fit, "measure", spoilt)
    trained(run, points)
    assert len(list(run.bad.iterdir())) == 1
    wanted = tensors(run)

    def failing(fit: Fit, batch: Batch, randomness: Randomness, step: int) -> None:
        randomness.normal("noise", (3,))
        raise MemoryError

    for how in ("not kept", "not to be had"):
        if how == "not kept":
            monkeypatch.setattr("engine.worker.keeping.keep_bad", lambda run, step, given: "")
        else:
            monkeypatch.undo()
            monkeypatch.setattr(Fit, "measure", spoilt)
            monkeypatch.setattr(Fit, "opened", failing)
        plain = RunFolder(tmp_path / how)
        assert trained(plain, points) == Left("finished", 20)
        assert not plain.bad.exists()
        for name, group in tensors(plain).items():
            assert all(torch.equal(v, wanted[name][k]) for k, v in group.items()), name


def test_where_it_was_going_bad_for_long_it_is_taken_back_before_that(
    run, points, monkeypatch
) -> None:
    """None of the checkpoints that were good is pruned for one of the time when it went bad."""
    take, measured = Watch.take, Fit.measure

    def suspicious(watch: Watch, step: int, values: Mapping[str, float]) -> str:
        watch.since = 7 if step >= 8 else None
        return ""

    def spoilt(fit: Fit, batch: Batch, randomness: Randomness, step: int) -> Measured:
        found = measured(fit, batch, randomness, step)
        return found._replace(values=found.values | {"loss": math.inf}) if step > 20 else found

    monkeypatch.setattr(Watch, "take", suspicious)
    monkeypatch.setattr(Fit, "measure", spoilt)
    spec = replace(points, training=replace(points.training, steps=60))
    left = trained(run, spec)
    assert "taken back to step 6" in left.message
    assert run.checkpoints() == [6]
    assert "000012.bad" in left.message
    monkeypatch.setattr(Watch, "take", take)
    monkeypatch.setattr(Fit, "measure", measured)
    assert trained(run, None) == Left("finished", 60)


def test_an_average_that_is_not_finite_is_never_sealed_and_taken_back(
    run, points, monkeypatch
) -> None:
    """The loss is finite all along: the average alone went bad."""
    row = Session._row

    def poked(session: Session, event: Row) -> None:
        if event.step == 8:
            next(iter(session._trainer._fit.averages.weights[0.9].values()))[0] = torch.inf
        row(session, event)

    monkeypatch.setattr(Session, "_row", poked)
    left = trained(run, points)
    assert (left.how, run.checkpoints()) == ("failed", [6])
    assert "Step 12 is not saved" in left.message
    assert "taken back to step 6" in left.message
    monkeypatch.setattr(Session, "_row", row)
    assert trained(run, None) == Left("finished", 20)


def too_much(monkeypatch, rows: int) -> None:
    """Memory for so many rows of the network at once, where a gradient is wanted."""
    features = Perceptron.features

    def limited(network, x, *more):  # type: ignore[no-untyped-def]
        if torch.is_grad_enabled() and len(x) > rows:
            raise torch.OutOfMemoryError("x")
        return features(network, x, *more)

    monkeypatch.setattr(Perceptron, "features", limited)


def test_where_memory_runs_out_the_batch_is_taken_in_pieces_and_that_is_told_once(
    run, points, tmp_path, monkeypatch
) -> None:
    spec = replace(points, method=MeanFlow())
    whole = RunFolder(tmp_path / "whole")
    trained(whole, spec)
    too_much(monkeypatch, 3)
    assert trained(run, spec) == Left("finished", 20)
    (notice,) = told(run)
    assert "each batch in 4 pieces" in notice
    for name, curve in curves(run).items():
        assert np.allclose(curve, curves(whole)[name], rtol=1e-4, equal_nan=True), name


def test_where_it_cannot_be_taken_in_pieces_the_run_stops_with_the_field_to_lower(
    run, points, monkeypatch
) -> None:
    too_much(monkeypatch, 3)
    left = trained(run, replace(points, method=LSD()))
    assert left.how == "failed"
    assert "lower training.batch" in left.message
    assert trained(run, None, changes=["training.batch=3"]) == Left("finished", 20)


def test_not_even_one_row_is_a_failure(run, points, monkeypatch) -> None:
    too_much(monkeypatch, 0)
    left = trained(run, points)
    assert (left.how, left.step) == ("failed", 0)
    assert "lower training.batch" in left.message
