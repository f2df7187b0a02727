"""The train worker as a real process, driven over frames, and killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from engine.contract import frames, messages
from engine.contract.journal import Noticed, Sealed, Started
from engine.contract.messages import (
    Action,
    AnyMessage,
    Control,
    EngineNote,
    Hello,
    Left,
    Message,
    Progress,
    Train,
)
from engine.contract.specs import CD, RunSpec, Teacher
from engine.runs.checkpoint import newest
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.runs.lock import is_held
from engine.runs.summary import summarise

ACTIONS: tuple[Action, ...] = ("pause", "continue", "save", "sample")
PATIENCE = 100.0  # seconds: only a hang takes so long


class Worker:
    """A train worker and the hub's end of its stream."""

    def __init__(self, errors: Path, **environment: str) -> None:
        self.errors = open(errors, "ab")  # noqa: SIM115  closed by `close`
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.worker.train"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )
        self.seen: list[AnyMessage] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        decoder = frames.Decoder()
        while data := self.process.stdout.read1(1 << 16):  # type: ignore[union-attr]
            with self._news:
                self.seen += [messages.decode(header) for header, _ in decoder.feed(data)]
                self._news.notify_all()

    def send(self, message: Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(frames.encode(messages.encode(message)))
        self.process.stdin.flush()

    def train(self, run: RunFolder, spec: RunSpec | None) -> None:
        self.send(Hello("hub"))
        self.send(Train(str(run.path), "/nowhere", spec, 1))

    def until(self, wanted: Callable[[AnyMessage], bool]) -> None:
        start = len(self.seen)
        with self._news:
            there = self._news.wait_for(lambda: any(map(wanted, self.seen[start:])), PATIENCE)
        assert there, self.seen[-3:]

    def until_step(self, step: int) -> None:
        self.until(lambda m: isinstance(m, Progress) and m.step >= step)

    def left(self) -> tuple[int, AnyMessage]:
        """Its exit code and its last message."""
        code = self.process.wait(PATIENCE)
        self._thread.join()
        return code, self.seen[-1]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.errors.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def begin(**environment: str) -> Worker:
        made.append(Worker(tmp_path / "errors.txt", **environment))
        return made[-1]

    yield begin
    for worker in made:
        worker.close()


def test_a_worker_trains_obeys_and_leaves(start, run, endless) -> None:
    worker, choice = start(), random.Random(3)
    worker.train(run, endless)
    worker.until_step(5)
    hello = worker.seen[0]
    assert isinstance(hello, Hello)
    assert (hello.pid, hello.torch[:2], hello.device[:4]) == (worker.process.pid, "2.", "cpu")
    assert is_held(run)
    assert summarise(run).state == "running"

    def state(wanted: str) -> Callable[[AnyMessage], bool]:
        return lambda m: isinstance(m, Progress) and m.state == wanted

    for _ in range(200):
        worker.send(Control(choice.choice(ACTIONS)))
    worker.send(Control("pause"))
    worker.until(state("paused"))
    for action in ("save", "sample", "continue"):
        worker.send(Control(action))
    worker.until(state("running"))
    worker.send(Control("stop"))
    code, last = worker.left()
    assert isinstance(last, Left)
    assert (code, last.how, last.message) == (75, "stopped", "")
    assert run.checkpoints()[-1] == last.step
    history = read_history(run)
    assert history.steps.tolist() == list(range(1, last.step + 1))
    assert history.samples
    assert not is_held(run)
    assert summarise(run).step == last.step


def test_what_the_journal_says_to_the_user_is_told_to_the_hub_too(start, run, points) -> None:
    worker = start()
    worker.train(run, replace(points, method=CD(teacher=Teacher(steps=5))))
    code, _ = worker.left()
    assert code == 0
    noticed = [e.message for e in read_history(run).events if isinstance(e, Noticed)]
    told = [m for m in worker.seen if isinstance(m, EngineNote)]
    assert told == [EngineNote("info", f"first: {sentence}") for sentence in noticed]
    assert noticed == ["The teacher is trained; its student begins."]


def test_a_worker_whose_stream_ends_saves_and_leaves(start, run, endless) -> None:
    worker = start()
    worker.train(run, endless)
    worker.until_step(5)
    worker.process.stdin.close()
    code, last = worker.left()
    assert code == 75
    assert isinstance(last, Left)
    assert run.checkpoints()[-1] == last.step == len(read_history(run))


def test_a_worker_that_is_killed_at_any_moment_goes_on_from_its_newest_checkpoint(
    start, run, endless
) -> None:
    moments, sealed, spec = random.Random(5), 0, endless
    for _ in range(3):
        worker = start()
        worker.train(run, spec)
        worker.until_step(sealed + 60)
        time.sleep(moments.uniform(0, 0.3))
        worker.process.kill()
        assert worker.process.wait() == -signal.SIGKILL
        assert not is_held(run)
        assert summarise(run).state == "stopped"
        found = newest(run)
        assert found is not None
        assert found.step >= sealed + 50
        history = read_history(run)
        assert history.gaps == []
        steps = history.steps
        assert np.array_equal(steps, np.arange(1, len(steps) + 1))
        assert len(steps) >= found.step
        assert max(e.step for e in history.events if isinstance(e, Sealed)) <= found.step
        sealed, spec = found.step, None
    worker = start()
    worker.train(run, None)
    worker.until_step(sealed + 5)
    worker.process.terminate()
    worker.process.terminate()
    code, last = worker.left()
    assert code == 75
    assert isinstance(last, Left)
    assert run.checkpoints()[-1] == last.step == len(read_history(run))
    starts = [e.step for e in read_history(run).events if isinstance(e, Started)]
    assert starts[0] == 0
    assert starts[-1] == sealed
    assert not list(run.path.rglob(".tmp-*"))


def test_a_worker_whose_wish_cannot_be_met_says_why_and_leaves(start, run, points) -> None:
    worker = start()
    worker.train(run, replace(points, data=replace(points.data, name="nothing")))
    code, last = worker.left()
    assert isinstance(last, Left)
    assert (code, last.how) == (1, "failed")
    assert "no data set 'nothing'" in last.message
    assert not run.path.exists()


def test_without_torch_a_worker_says_so_in_one_sentence(start, run, points, tmp_path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "torch.py").write_text("raise ImportError('not here')")
    worker = start(PYTHONPATH=f"{tmp_path / 'hidden'}{os.pathsep}{os.getcwd()}")
    code, last = worker.left()
    assert code == 3
    assert isinstance(last, Left)
    assert last.how == "failed"
    assert "PyTorch" in last.message
    assert (tmp_path / "errors.txt").read_text() == f"{last.message}\n"
    hello = worker.seen[0]
    assert isinstance(hello, Hello)
    assert hello.torch == ""
