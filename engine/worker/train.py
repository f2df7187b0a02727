"""The train worker: `python -m engine.worker.train` speaks frames on stdio with the hub."""

import os
import queue
import sys
import traceback

from engine.contract import exits
from engine.contract.errors import UserError
from engine.contract.messages import Action, Control, EngineNote, Hello, Left, Train
from engine.contract.paths import to_path
from engine.worker.process import Channel, settle, take_stdio, torch_version


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
        return exits.NO_TORCH
    channel.send(_hello(version))
    wanted = _wait(channel)
    if wanted is None:
        return 0
    try:
        left = _train(channel, wanted)
    except Exception as error:  # noqa: BLE001  a process border: the hub must learn of it
        return _fault(channel, error)
    channel.send(left)
    return exits.LEFT[left.how]


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

    run = to_path(wanted.folder)
    try:
        return train_session(
            run,
            wanted.spec,
            to_path(wanted.workspace),
            threads=wanted.threads,
            control=control,
            report=channel.send,
            tell=lambda sentence: channel.send(EngineNote("info", f"{run.name}: {sentence}")),
            changes=wanted.changes,
        )
    except UserError as error:
        return Left("failed", 0, str(error))


def _fault(channel: Channel, error: Exception) -> int:
    """Tell of a fault; returns the exit code. Of a lost device the code is all: another process
    may find it again, and so no word says that this training has ended.
    """
    traceback.print_exc()
    channel.send(EngineNote("error", traceback.format_exc(limit=-3)))
    if _lost_device(error):
        return exits.NO_DEVICE
    if _out_of_memory(error):
        channel.send(Left("failed", 0, "Memory ran out; lower training.batch or the network."))
        return exits.NO_MEMORY
    sentence = f"A fault of the program stopped the training: {error!r}."
    channel.send(Left("failed", 0, sentence))
    return exits.FAILED


def _lost_device(error: BaseException) -> bool:
    """A fault of the device poisons its process: only a new one can go on."""
    import torch

    known = isinstance(error, getattr(torch, "AcceleratorError", ()))
    words = ("CUDA error", "device-side assert", "CUDNN_STATUS_EXECUTION_FAILED")
    poisoned = isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    return (known or poisoned) and not _out_of_memory(error)


def _out_of_memory(error: BaseException) -> bool:
    import torch

    said = "out of memory" in str(error) or "can't allocate memory" in str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and said
    )


if __name__ == "__main__":
    sys.exit(main())
