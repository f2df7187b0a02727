"""A reader that stands still costs a bounded amount; nothing that was answered is lost."""

import asyncio
import contextlib
import socket

from engine.contract import frames, messages
from engine.contract.messages import (
    CheckProgress,
    Chunk,
    Done,
    EngineNote,
    Progress,
    Queue,
    RunChanged,
    RunInfo,
)
from engine.hub.outbox import NOTES, ROOM, Outbox


@contextlib.asynccontextmanager
async def outbox():
    here, there = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=there)
    box = Outbox(writer)
    here.setblocking(False)
    try:
        yield box, here
    finally:
        here.close()
        await box.close(0)


async def read(here, count):
    """The next `count` messages."""
    found, decoder = [], frames.Decoder()
    while len(found) < count:
        data = await asyncio.get_running_loop().sock_recv(here, 1 << 16)
        found += [messages.decode(header) for header, _ in decoder.feed(data)]
    return found


def progress(run, step):
    return Progress(run, "running", "training", step, 10**6)


def test_answers_keep_their_order():
    async def check():
        async with outbox() as (box, here):
            for id in range(1000):
                box.put(Done(id))
            assert [m.id for m in await read(here, 1000)] == list(range(1000))

    asyncio.run(check())


def test_a_frozen_reader_costs_one_notice_of_each_kind_and_run():
    async def check():
        async with outbox() as (box, here):
            box.put(Chunk(0, 0, 0), bytes(4 << 20))  # fills the pipe: what follows must wait
            await asyncio.sleep(0.05)
            start = box.size
            for step in range(20_000):
                box.put(progress("a" if step % 2 else "b", step))
                box.put(EngineNote("info", f"note {step}"))
            info = RunInfo("a", "a", "fm", "d", "points", "running", 0, 1)
            for _ in range(1000):
                box.put(RunChanged(info))
            for place in range(1000):
                box.put(Queue((f"run {place}",), False, 1))
                box.put(CheckProgress(7, place, 1000))
            box.put(Queue((), False, 1, 2))
            box.put(Done(1))
            assert box.size - start < 200 * (NOTES + 7)
            first, *rest = await read(here, 1 + NOTES + 7)
            assert first == Chunk(0, 0, 0)
            assert [m.text for m in rest if isinstance(m, EngineNote)] == [
                f"note {step}" for step in range(20_000 - NOTES, 20_000)
            ]
            assert {m.run: m.step for m in rest if isinstance(m, Progress)} == {
                "a": 19_999,
                "b": 19_998,
            }
            assert [m for m in rest if isinstance(m, Queue)] == [
                Queue(("run 999",), False, 1),
                Queue((), False, 1, 2),
            ]
            assert rest[-1] == Done(1)

    asyncio.run(check())


def test_who_asks_for_more_than_is_read_must_wait():
    async def check():
        async with outbox() as (box, here):
            await box.room()
            sent = 0
            while box.size <= ROOM:
                box.put(Chunk(sent, 0, 0), bytes(1 << 20))
                sent += 1
            waiting = asyncio.ensure_future(box.room())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            assert [m.id for m in await read(here, sent)] == list(range(sent))
            await asyncio.wait_for(waiting, 20)

    asyncio.run(check())


def test_a_reader_that_has_gone_is_told_and_holds_up_nobody():
    async def check():
        here, there = socket.socketpair()
        _, writer = await asyncio.open_connection(sock=there)
        gone = asyncio.Event()
        box = Outbox(writer, broken=gone.set)
        here.close()
        for id in range(100):
            box.put(Chunk(id, 0, 0), bytes(1 << 20))
            await asyncio.sleep(0)
        await asyncio.wait_for(gone.wait(), 20)
        await asyncio.wait_for(box.room(), 20)
        box.put(Done(1))
        await box.close()
        assert box.size == 0

    asyncio.run(check())


def test_closing_writes_what_waits():
    async def check():
        async with outbox() as (box, here):
            for id in range(50):
                box.put(Done(id))
            await box.close()
            assert [m.id for m in await read(here, 50)] == list(range(50))

    asyncio.run(check())
