"""`python -m tests.fuzz`: bent inputs for everything that reads what others wrote.

Only typed errors are allowed. Anything else, an input that takes too long, a crash of the process
or memory that grows is a fault: it is printed with its seed and number, and the input is kept. Only
where the inspect worker alone reads such an input, a process that a compiled library takes down is
counted apart.
"""

import argparse
import atexit
import faulthandler
import mmap
import os
import random
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.fuzz import targets as catalogue
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import Target

HANG = 5.0  # seconds for one input
DEAD = 10.0  # seconds without a sign, where compiled code hears no alarm
GROWTH = 64 << 20  # bytes between the first tenth and the end
MEMORY = 4 << 30
LOSSES = 20  # processes of a target; then it is left
FAULTS = 5
_STATE = struct.Struct("<qqqqq")  # as in State


class Hang(BaseException):
    """An input takes too long."""


class State(NamedTuple):
    """What came of a target so far; `lost` are processes that the inspect worker is there for."""

    inputs: int = 0
    refused: int = 0
    faults: int = 0
    lost: int = 0
    grown: int = 0  # bytes


def main() -> int:
    """Fuzz and print; the exit code is 1 where there were faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000, help="in total, at most")
    parser.add_argument("--seconds", type=float, default=0.0, help="in total, at most; 0: no end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets whose name begins so")
    parser.add_argument("--number", type=int, default=-1, help="this input of --only alone")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="for what failed")
    words = parser.parse_args()
    chosen = [t for t in catalogue.TARGETS if t.name.startswith(words.only)]
    if words.number >= 0:
        _one(chosen[0], words.seed, words.number)
        return 0
    began = time.monotonic()
    atexit.register(catalogue.sweep, os.getpid())
    total = State(*map(sum, zip(*(_fuzz_all(t, words, len(chosen)) for t in chosen), strict=True)))
    rate = total.inputs / (time.monotonic() - began)
    print(
        f"{total.inputs:,} inputs, {rate:,.0f} a second, {total.refused:,} refused, "
        f"{total.lost} processes lost that the inspect worker contains, {total.faults} faults, "
        f"seed {words.seed}"
    )
    return int(total.faults > 0)


def _one(target: Target, seed: int, number: int) -> None:
    content, random_of = _input(target, target.samples(), seed, number)
    print(content)
    target.attack(content, random_of)


def _input(
    target: Target, samples: list[bytes], seed: int, number: int
) -> tuple[bytes, random.Random]:
    random_of = random.Random(f"{seed}/{target.name}/{number}")
    return mutated(samples, random_of), random_of


def _fuzz_all(target: Target, words: argparse.Namespace, share: int) -> State:
    """One target, in processes of its own: a crash is met with the next number."""
    began = time.monotonic()
    end = began + (words.seconds / share if words.seconds else 1e9)
    inputs = max(1, words.inputs // share)
    with mmap.mmap(-1, _STATE.size) as state:
        losses = 0
        while _fuzz(target, words, state, inputs, end) and losses < LOSSES:
            losses += 1
        came = State(*_STATE.unpack(state[:]))
    rate = came.inputs / max(time.monotonic() - began, 1e-9)
    print(
        f"{target.name:20} {came.inputs:8,} inputs {rate:8,.0f} a second {came.refused:8,} refused "
        f"{came.lost:3} lost {came.faults:3} faults {came.grown >> 20:4} MB grown",
        flush=True,
    )
    return came


def _fuzz(
    target: Target, words: argparse.Namespace, state: mmap.mmap, inputs: int, end: float
) -> bool:
    """Go on from the state; True where the process was lost to an input, which is then passed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _work(target, words, state, inputs, end)
            code = 0
        except BaseException:  # noqa: BLE001  of this driver, or a valid sample that is not read
            print(f"FAULT before the first input of {target.name}:\n{traceback.format_exc()}")
        finally:
            sys.stdout.flush()
            os._exit(code)
    code = _wait(child, state)
    catalogue.sweep(child)
    if code == 0:
        return False
    came = State(*_STATE.unpack(state[:]))
    content, _ = _input(target, target.samples(), words.seed, came.inputs)
    lost = target.contained and code != 1  # 1 is an error of this driver
    kind = "LOST" if lost else "FAULT"
    _keep(words, target, came.inputs, content, f"the process ended with {code}", kind)
    losses = {"lost": came.lost + 1} if lost else {"faults": came.faults + 1}
    state[:] = _STATE.pack(*came._replace(inputs=came.inputs + 1, **losses))
    return True


def _wait(child: int, state: mmap.mmap) -> int:
    """The exit code of the child, killed where it gives no sign."""
    last, since = b"", time.monotonic()
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        now = state[:]
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > DEAD:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)


def _work(
    target: Target, words: argparse.Namespace, state: mmap.mmap, inputs: int, end: float
) -> None:
    printed = os.dup(2)  # libtiff and HDF5 say what they think of a file; a crash is still seen
    faulthandler.enable(open(printed, "w"))  # noqa: SIM115
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + MEMORY,) * 2)
    signal.signal(signal.SIGALRM, _alarm)
    catalogue.scratch.cache_clear()  # a folder of this process
    samples = target.samples()
    for sample in samples:
        target.attack(sample, random.Random(0))  # valid ones are read
    done, refused, faults, lost, grown = _STATE.unpack(state[:])
    process, early = psutil.Process(), 0
    while done < inputs and time.monotonic() < end and faults < FAULTS:
        content, random_of = _input(target, samples, words.seed, done)
        signal.setitimer(signal.ITIMER_REAL, HANG)
        try:
            target.attack(content, random_of)
        except target.allowed:
            refused += 1
        except (Exception, Hang):  # noqa: BLE001  what is looked for
            faults += 1
            _keep(words, target, done, content, traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        done += 1
        if done % 500 == 0:
            resident = process.memory_info().rss
            early = early or resident
            grown = max(grown, resident - early)
        state[:] = _STATE.pack(done, refused, faults, lost, grown)
    if grown > GROWTH:
        faults += 1
        _keep(words, target, done, b"", f"memory grew by {grown >> 20} MB")
        state[:] = _STATE.pack(done, refused, faults, lost, grown)


def _alarm(*_: object) -> None:
    raise Hang


def _keep(
    words: argparse.Namespace,
    target: Target,
    number: int,
    content: bytes,
    why: str,
    kind: str = "FAULT",
) -> None:
    words.keep.mkdir(parents=True, exist_ok=True)
    name = f"{target.name.replace(' ', '-')}-{words.seed}-{number}"
    (words.keep / name).write_bytes(content)
    (words.keep / f"{name}.txt").write_text(why)
    print(
        f"{kind} in {target.name}: {why.strip().splitlines()[-1][:200]}\n"
        f"  again: python -m tests.fuzz --only '{target.name}' --seed {words.seed} "
        f"--number {number}\n  kept: {words.keep / name}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
