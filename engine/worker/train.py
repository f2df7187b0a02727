"""The train worker: `python -m engine.worker.train` speaks frames on stdio with the hub."""

import os
import queue
import sys
import traceback
from pathlib import Path

from engine.contract.errors import UserError
from engine.contract.messages import Action, Control, EngineNote, Hello, Left, Train
from engine.worker.process import EXIT_NO_TORCH, Channel, settle, take_stdio, torch_version


def main() -> int:
    """Serve one training over stdio; returns the exit code."""
    channel = take_stdio()
    settle()
    try:
        version = torch_version()
    except UserError as error:
        channel.send(Hello("flowmap-train", pid=os.getpid()))
        channel.send(Left("failed", 0, str(error)))
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_TORCH
    from engine.worker.session import EXIT_CODES

    channel.send(_hello(version))
    wanted = _wait(channel)
    if wanted is None:
        return 0
    left = _train(channel, wanted)
    channel.send(left)
    return EXIT_CODES[left.how]


def _hello(version: str) -> Hello:
    from engine.train.precision import choose_device

    device, cores = choose_device("auto"), os.cpu_count() or 1
    return Hello("flowmap-train", pid=os.getpid(), torch=version, device=str(device), cores=cores)


def _wait(channel: Channel) -> Train | None:
    """The training that is asked for, or None where the stream ends first."""
    while received := channel.receive():
        if isinstance(received.message, Train):
            return received.message
    return None


def _train(channel: Channel, wanted: Train) -> Left:
    from engine.worker.session import train_session

    def control() -> Action | None:
        try:
            received = channel.receive(0)
        except queue.Empty:
            return None
        if received is None:
            return "stop"
        return received.message.action if isinstance(received.message, Control) else None

    run = Path(wanted.folder)
    try:
        return train_session(
            run,
            wanted.spec,
            Path(wanted.workspace),
            threads=wanted.threads,
            control=control,
            report=channel.send,
            tell=lambda sentence: channel.send(EngineNote("info", f"{run.name}: {sentence}")),
        )
    except UserError as error:
        return Left("failed", 0, str(error))
    except Exception as error:  # noqa: BLE001  a process border: the hub must learn of it
        traceback.print_exc()
        channel.send(EngineNote("error", traceback.format_exc(limit=-3)))
        return Left("failed", 0, f"A fault of the program stopped the training: {error!r}.")


if __name__ == "__main__":
    sys.exit(main())
