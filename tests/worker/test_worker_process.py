"""The stdio stream of a worker, in a real process of its own."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

from engine.contract import frames, messages
from engine.contract.messages import Control, Done, EngineNote, Hello, Jumped, Left, Message, Train
from engine.worker.process import Channel, torch_version

ECHO = """
import os, subprocess, sys
from engine.worker.process import take_stdio, settle
channel = take_stdio()
settle()
print("noise " * 2000, flush=True)
os.write(1, b"more noise\\n" * 100)
subprocess.run(["echo", "noise of a child"])
assert sys.stdin.read() == ""
while received := channel.receive():
    channel.send(received.message, received.payload)
"""


def pair() -> tuple[Channel, int, int]:
    """A channel, where to write to it and where to read from it."""
    (near_in, far_out), (far_in, near_out) = os.pipe(), os.pipe()
    return Channel(near_in, near_out), far_out, far_in


def sent(message: Message, payload: bytes = b"") -> bytes:
    return frames.encode(messages.encode(message), payload)


def read(descriptor: int, count: int) -> list[tuple[messages.AnyMessage, bytes]]:
    decoder, found = frames.Decoder(), []
    while len(found) < count:
        for header, payload in decoder.feed(os.read(descriptor, 1 << 16)):
            found.append((messages.decode(header), payload))
    return found


def test_a_stream_stays_clean_whatever_prints() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", ECHO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wanted = [(Done(n), bytes([n]) * n * 5000) for n in range(20)]
    out, errors = worker.communicate(b"".join(sent(*w) for w in wanted), timeout=60)
    found = [(messages.decode(h), p) for h, p in frames.Decoder().feed(out)]
    assert found == wanted
    assert worker.returncode == 0
    for noise in (b"noise noise", b"more noise", b"noise of a child"):
        assert noise in errors


def test_frames_of_many_threads_never_mix() -> None:
    channel, _, far = pair()
    threads = [
        threading.Thread(
            target=lambda n=n: [channel.send(Done(n), bytes([n]) * 9999) for _ in range(20)]
        )
        for n in range(5)
    ]
    for thread in threads:
        thread.start()
    found = read(far, 100)
    for thread in threads:
        thread.join()
    assert all(payload == bytes([m.id]) * 9999 for m, payload in found)  # type: ignore[union-attr]


def test_what_cannot_be_read_is_left_out_and_told() -> None:
    channel, far, answers = pair()
    os.write(far, frames.encode(b'{"type":"a message of tomorrow"}') + sent(Control("save")))
    received = channel.receive(5)
    assert received is not None
    assert received.message == Control("save")
    ((note, _),) = read(answers, 1)
    assert isinstance(note, EngineNote)


def test_the_end_of_the_stream_is_told_again_and_again() -> None:
    channel, far, _ = pair()
    with pytest.raises(queue.Empty):
        channel.receive(0)
    os.write(far, sent(Control("stop"))[:-1])
    os.close(far)
    assert channel.receive(5) is None
    assert channel.receive(0) is None
    assert channel.ended.is_set()


def test_a_stream_without_frames_ends() -> None:
    channel, far, _ = pair()
    os.write(far, b"Welcome to this machine! Last login: yesterday.\n")
    assert channel.receive(5) is None


def test_sending_to_nobody_is_no_fault() -> None:
    channel, _, far = pair()
    os.close(far)
    channel.send(Hello("x"))
    assert channel.ended.is_set()


NICE = """
import os
from engine.worker.process import settle
settle(10); settle(10)
print(os.nice(0), flush=True)
import time; time.sleep(60)
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {NICE!r}], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip(), child.pid, flush=True)
import time; time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's own")
def test_a_worker_is_polite_and_does_not_outlive_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    nice, pid = map(int, parent.stdout.readline().split())
    assert nice == max(10, os.nice(0))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    break
        except FileNotFoundError:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
        pytest.fail("the child lives on")


def test_torch_tells_its_version() -> None:
    import torch

    assert torch_version() == torch.__version__


def test_messages_of_the_train_worker_pass_a_channel() -> None:
    channel, far, _ = pair()
    wanted = [Train("/runs/a", "/", None, 1), Jumped(1, 1.0, 0.0, 1, 2.0, ())]
    os.write(far, b"".join(map(sent, wanted)))
    assert [channel.receive(5).message for _ in wanted] == wanted  # type: ignore[union-attr]


NOISY = """
import ctypes, os, sys
from engine.contract.messages import Done
from engine.worker.process import settle, take_stdio
channel = take_stdio()
settle()
line = b"stray bytes " * 85 + b"\\n"
for k in range(1024):
    os.write(1, line)
    if k % 8 == 0:
        print("said by Python " * 70, flush=True)
        ctypes.CDLL(None).puts(b"said by C " * 100)
        channel.send(Done(k))
"""


def test_a_megabyte_of_stray_prints_is_no_frame() -> None:
    worker = subprocess.run([sys.executable, "-c", NOISY], capture_output=True, timeout=60)
    assert worker.returncode == 0, worker.stderr[-500:]
    found = [messages.decode(header) for header, _ in frames.Decoder().feed(worker.stdout)]
    assert found == [Done(k) for k in range(0, 1024, 8)]
    assert worker.stderr.count(b"stray bytes") == 85 * 1024
    assert b"said by C" in worker.stderr


STUCK = """
import sys, time
from engine.worker.process import settle
def the_place_where_it_hangs():
    sys.stdout.write("here\\n")
    sys.stdout.flush()
    time.sleep(60)
settle()
the_place_where_it_hangs()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="a signal of POSIX")
def test_a_hung_worker_shows_its_stack_and_lives() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert worker.stdout is not None
    assert worker.stderr is not None
    worker.stdout.readline()
    worker.send_signal(signal.SIGUSR1)
    assert b"most recent call first" in worker.stderr.readline()
    assert b"the_place_where_it_hangs" in worker.stderr.readline()
    assert worker.poll() is None
    worker.kill()
    worker.communicate()


def test_a_lost_device_and_a_full_memory_are_told_apart_from_other_faults() -> None:
    import torch

    from engine.contract import exits
    from engine.worker.train import _fault

    faults = {
        RuntimeError("CUDA error: an illegal memory access was encountered"): exits.NO_DEVICE,
        torch.AcceleratorError("CUDA error: unspecified launch failure"): exits.NO_DEVICE,
        torch.OutOfMemoryError("CUDA out of memory."): exits.NO_MEMORY,
        MemoryError(): exits.NO_MEMORY,
        RuntimeError("shapes do not fit"): exits.FAILED,
    }
    for error, wanted in faults.items():
        channel, _, far = pair()
        assert _fault(channel, error) == wanted
        told = [message for message, _ in read(far, 1 if wanted == exits.NO_DEVICE else 2)]
        assert any(isinstance(m, Left) for m in told) == (wanted != exits.NO_DEVICE)
    assert exits.died(exits.NO_DEVICE)
    assert not exits.died(exits.NO_MEMORY)
