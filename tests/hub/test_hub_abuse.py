"""What a hostile or careless studio does costs the hub neither its life nor its memory."""

import asyncio
import random
import subprocess
import sys
import time

import msgspec
import psutil
import pytest
from hub_support import hub_here, points_spec
from PIL import Image

from engine.contract import frames, messages
from engine.contract.messages import (
    Chunk,
    GetCatalogue,
    GetRuns,
    ImportData,
    ReadJournal,
    ReadSample,
    ReadSpec,
)

GOOD = b"".join(
    frames.encode(messages.encode(message))
    for message in (
        GetRuns(1),
        GetCatalogue(2),
        ReadJournal(3, "one", 0),
        ReadSample(4, "one", "000020.png"),
        ReadSpec(5, "one"),
    )
)


@pytest.fixture
def run(workspace):
    folder = workspace / "runs" / "one"
    (folder / "samples").mkdir(parents=True)
    (folder / "spec.toml").write_bytes(msgspec.toml.encode(points_spec()))
    (folder / "journal").write_bytes(bytes(1 << 19))


def mutated(chance):
    stream = bytearray(GOOD * 3)
    for _ in range(chance.randrange(8)):
        at = chance.randrange(len(stream))
        match chance.randrange(3):
            case 0:
                stream[at] = chance.randrange(256)
            case 1:
                del stream[at : at + chance.randrange(1, 20)]
            case 2:
                stream[at:at] = chance.randbytes(chance.randrange(1, 20))
    return bytes(stream)


def test_mutated_streams(workspace, run, caplog):
    chance, end = random.Random(0), time.monotonic() + 2.0

    async def attack():
        async with hub_here(workspace) as studio:
            studio.send_bytes(mutated(chance))
            await asyncio.sleep(0)

    rounds = 0
    while time.monotonic() < end or rounds < 5:
        asyncio.run(attack())
        rounds += 1
    assert not caplog.records


def test_a_studio_that_asks_and_never_reads_is_held_back(workspace, run):
    memory = psutil.Process().memory_info

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(GetRuns)
            await studio.freeze()
            before = memory().rss
            ask = frames.encode(messages.encode(ReadJournal(9, "one", 0)))
            studio.send_bytes(ask * 2000)  # 512 MB of answers
            await asyncio.sleep(2.0)
            assert memory().rss - before < 60 << 20
            studio.writer.transport.abort()

    asyncio.run(check())


def test_many_questions_at_once_are_all_answered(workspace, run):
    async def check():
        async with hub_here(workspace) as studio:
            asked = [studio.ask(lambda id: ReadJournal(id, "one", 0)) for _ in range(200)]
            for answer, payload in await asyncio.gather(*asked):
                assert isinstance(answer, Chunk)
                assert len(payload) == 1 << 19

    asyncio.run(check())


def test_an_import_under_way_ends_with_the_stream(workspace, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(2000):
        Image.new("RGB", (1, 1)).save(folder / f"{k}.png")

    async def check():
        async with hub_here(workspace) as studio:
            asked = asyncio.ensure_future(studio.ask(lambda id: ImportData(id, str(folder), "p")))
            await asyncio.sleep(0.3)
            asked.cancel()

    asyncio.run(check())


def test_the_hub_imports_no_torch():
    code = "import engine.hub.__main__, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
