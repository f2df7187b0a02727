"""What the state of a run means: what a kill costs, what the engine advises."""

import msgspec
import pytest

from engine.contract.messages import RunInfo
from studio.model.standing import can_be_killed, lost_by_killing, reason, smaller_rate

INFO = RunInfo("run-1", "run-1", "meanflow", "spiral", "points", "stopping", 340, 1000)
ADVICE = (
    "The loss was no number. It was taken back to step 200, the last that was good; go on with a "
    "smaller learning rate: `flowmap-engine resume 'my run' --set training.learning_rate=0.0005`."
)


def with_(**changes: object) -> RunInfo:
    return msgspec.structs.replace(INFO, **changes)


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [(-1, "all of it"), (340, "nothing"), (339, "1 step:"), (200, "140 steps:")],
)
def test_what_a_kill_costs_is_counted(checkpoint: int, words: str) -> None:
    assert words in lost_by_killing(with_(checkpoint=checkpoint))


def test_it_can_be_killed_only_where_a_stop_was_not_met() -> None:
    assert not can_be_killed(INFO)
    assert can_be_killed(with_(message="Its process is told to end in 12 s."))
    assert not can_be_killed(with_(state="silent", message="It has not moved for 60 s."))


def test_the_learning_rate_is_the_one_that_the_engine_advises() -> None:
    failed = with_(state="failed", message=ADVICE.replace("'my run'", "run-1"))
    assert smaller_rate(failed) == "0.0005"
    assert reason(failed).endswith("go on with a smaller learning rate.")
    assert smaller_rate(with_(state="failed", message="The disk is full.")) == ""
    assert smaller_rate(with_(state="running", message=failed.message)) == ""
    quoted = with_(state="failed", message=ADVICE)
    assert smaller_rate(quoted) == "0.0005"
    assert "flowmap-engine" not in reason(quoted)
