"""Stands in for the explore worker: no torch, and a behaviour named by the model."""

import os
import signal
import time

from engine.contract.messages import Done, EngineNote, Hello, Jump, Jumped, Look, OpenModel, Threads
from engine.worker.process import settle, take_stdio

channel = take_stdio()
settle(5)
channel.send(Hello("fake"))
while received := channel.receive():
    match received.message:
        case OpenModel(model="killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        case OpenModel(model="dies"):
            raise SystemExit("It broke: the last line.")
        case OpenModel(model="babbles"):
            os.write(channel._writer, b"these are no frames, as everybody can see")
            time.sleep(3600)
        case OpenModel(model="silent"):
            pass
        case OpenModel(id=id):
            channel.send(EngineNote("info", f"opened by {os.getpid()}"))
            channel.send(Done(id))
            channel.send(Done(id))  # a second answer must not reach the studio
        case Look(id=id, sample=sample, file=file):
            channel.send(EngineNote("info", f"looks at {sample.picture}, file {file!r}"))
            channel.send(Done(id))
        case Threads(count):
            channel.send(EngineNote("info", f"{count} threads"))
        case Jump(model="slow", id=id, t=t, s=s):
            time.sleep(0.05)
            channel.send(Jumped(id, t, s, 1, 50.0, ()), b"payload")
        case Jump(id=id, t=t, s=s):
            channel.send(Jumped(id, t, s, 1, 0.0, ()), b"payload")
