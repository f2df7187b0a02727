"""Stands in for the train worker: no torch, and a behaviour named by the run's folder."""

import os
import queue
import signal
import sys
import time
from pathlib import Path

from engine.contract.messages import Control, EngineNote, Hello, Left, Progress, Train
from engine.runs.folder import RunFolder
from engine.runs.lock import hold
from engine.worker.process import interrupts, settle, take_stdio

channel = take_stdio()
settle()
channel.send(Hello("fake"))
while not isinstance((train := channel.receive().message), Train):
    pass
name, run = Path(train.folder).name, RunFolder(Path(train.folder))
if train.spec is not None:
    if "refuses" in name:
        channel.send(Left("failed", 0, "There is no room for it."))
        sys.exit(1)
    run.create(train.spec)
step, state = (0 if train.spec else 7), "running"


def beat(state, step):
    channel.send(Progress(name, state, "training", step, 100, checkpoint=step or -1))


if train.changes:
    channel.send(EngineNote("info", f"changed {train.changes}"))
sys.stdout.write("noise on stdout\n")
sys.stdout.flush()
os.write(1, b"noise below Python\n")
channel.send(Progress(name, "starting", "loading", 0, 0))
with hold(run):
    if "stillborn" in name and train.spec is None:
        os.kill(os.getpid(), signal.SIGKILL)
    if "waits" not in name or train.spec is None:
        beat(state, step)
    lives = len((run.path / "lives").read_text()) if (run.path / "lives").exists() else 0
    (run.path / "lives").write_text("x" * (lives + 1))
    if "twice" in name and lives < 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if "faulty" in name:
        os.abort()
    if "unplugged" in name:
        sys.exit(5)
    if "chatty" in name:
        for _ in range(1 << 10):
            os.write(1, b"stray " * 170 + b"\n")
            sys.stdout.write("print " * 170 + "\n")
            sys.stderr.write("x" * 100)
    step += 1
    while "hangs" in name or "saves" in name:  # the heartbeat of a thread that does not hang
        phase = "saving" if "saves" in name else "training"
        channel.send(Progress(name, state, phase, step, 100, rate=1e3, checkpoint=7))
        try:
            received = channel.receive(0.02)
        except queue.Empty:
            continue
        if received is None and "forever" not in name:
            break
        if received and received.message == Control("save"):  # the test lets it go on
            name = ""
        if received and received.message == Control("stop"):
            state = "stopping"
    if "dies" in name:
        sys.exit("It broke: the last line.")
    if "killed" in name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "babbles" in name:
        os.write(channel._writer, b"these are no frames, as everybody can see")
    if "noted" in name:
        channel.send(EngineNote("warning", "a note"))
    if "floods" in name:
        for step in range(1, 3000):
            beat("running", step)
    if "stubborn" in name:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    signals = interrupts()
    interrupted = signals.__enter__()
    while True:
        try:
            received = channel.receive(0.02)
        except queue.Empty:
            if interrupted():
                channel.send(Left("stopped", step))
                sys.exit(75)
            step += 1
            beat(state, step)
            continue
        match received and received.message:
            case None | Control("stop"):
                beat("stopping", step)
                for _ in range(40 if "lingers" in name else 0):
                    channel.send(Progress(name, "stopping", "saving", step, 100))
                    time.sleep(0.05)
                (run.path / "saved").touch()
                channel.send(Left("stopped", step))
                sys.exit(75)
            case Control("pause"):
                state = "paused"
            case Control("continue"):
                state = "running"
            case Control("save"):
                channel.send(Left("finished", 100))
                sys.exit(0)
