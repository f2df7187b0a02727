"""A stand-in for the hub that speaks frames; its first argument says how it behaves."""

import os
import signal
import sys
import time
from pathlib import Path

from engine.contract import messages as m
from engine.contract.frames import Decoder, encode
from engine.contract.version import PROTOCOL


def say(message: m.Message, payload: bytes = b"") -> None:
    """Send one frame in two writes, so that it arrives torn."""
    data = encode(m.encode(message), payload)
    for part in (data[:5], data[5:]):
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()


def answer(request: m.AnyMessage) -> None:
    """Behave as the kind of request asks for."""
    match request:
        case m.GetRuns():
            say(m.Runs(request.id, ()))
        case m.GetCatalogue():
            say(m.Refused(request.id, "There is no catalogue today."))
        case m.ReadJournal():
            payload = bytes(range(256)) * request.offset
            say(m.Chunk(request.id, len(payload), len(payload)), payload)
        case m.ReadSpec():  # notices first, the answer after
            say(m.EngineNote("info", "working"), b"payload")
            say(m.Done(request.id))
        case m.ReadSample():
            text = f'{{"type":"from the future","id":{request.id}}}'
            sys.stdout.buffer.write(encode(text.encode()) + encode(b"nonsense"))
            sys.stdout.buffer.flush()
        case m.ResumeRun():
            sys.stdout.write("a stray line of text that is no frame at all\n")
            sys.stdout.flush()
        case m.VerifyRun():
            os._exit(1)
        case m.ImportData():
            sys.stderr.write("out of luck\n")
            sys.stderr.flush()
            os._exit(3)
        case _:
            pass  # it never answers a Jump


def main(how: str, note: str) -> None:
    """Greet, then answer until stdin ends."""
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "garbage":
        print("Traceback (most recent call last): this is no frame")  # noqa: T201
        sys.stdout.flush()
    elif how == "rude":
        say(m.EngineNote("info", "no greeting"))
    elif how == "newer":
        both = (m.Hello("child", protocol, "9.9.9") for protocol in (PROTOCOL + 1, PROTOCOL))
        sys.stdout.buffer.write(b"".join(encode(m.encode(hello)) for hello in both))
        sys.stdout.flush()
    elif how == "noisy":
        sys.stdout.buffer.write(b"Last login: yesterday\r\n\x00\x01{}" * 50)
        sys.stdout.buffer.flush()
        say(m.Hello("child", pid=os.getpid()))
    elif how == "loud":
        sys.stdout.buffer.write(b"no greeting at all\n" * 10_000)
        sys.stdout.buffer.flush()
    elif how != "mute":
        say(m.Hello("child", pid=os.getpid(), detached=how == "far"))
    decoder = Decoder()
    while data := os.read(0, 65536):
        for header, _ in decoder.feed(data):
            answer(m.decode(header))
    if how == "saver":
        time.sleep(0.3)
        Path(note).write_text("saved")
    for step in range(20 if how == "slow saver" else 0):
        say(m.Progress("run", "stopping", "saving", step, 20))
        time.sleep(0.05)
    if how == "slow saver":
        Path(note).write_text("saved")
    while how == "stubborn":
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
