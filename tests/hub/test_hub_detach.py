"""A hub that lives on without its window: met again, by this user alone, and gone when it is done.

The hubs are real processes, their train workers need no torch.
"""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys

import psutil
import pytest
from hub_support import hub_here, hub_process, points_spec, processes, soon, wait_until, workers

from engine.contract import frames
from engine.contract.messages import (
    Catalogue,
    ControlRun,
    Detach,
    GetCatalogue,
    GetQueue,
    GetRuns,
    Progress,
    ResumeRun,
    RunChanged,
    SetQueue,
    StartRun,
)
from engine.hub import meeting
from engine.hub.asking import known_runs

pytestmark = pytest.mark.usefixtures("fake_train")
HUB, FAKE = "fake_hub", "fake_train_worker"


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    """A folder for sockets that no other test uses."""
    folder = tmp_path / "r"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def window(workspace):
    return hub_process(workspace, HUB)


async def begin(studio, name="a"):
    await studio.get(lambda id: StartRun(id, points_spec(), name))
    await studio.state(name, "running")


async def moving(studio, beyond=0):
    """The step of a run that goes on."""
    studio.notices = [m for m in studio.notices if not isinstance(m, Progress)]
    return (await studio.notice(lambda m: isinstance(m, Progress) and m.step > beyond)).step


async def detached(workspace, name="a"):
    """A hub that trains without a window; its process and a step that it has taken."""
    async with window(workspace) as (studio, process):
        hello = await studio.hello()
        assert not hello.detached
        await begin(studio, name)
        await studio.get(Detach)
        step = await moving(studio)
    assert process.returncode == 0  # nothing that the window started holds it up
    return psutil.Process(hello.pid), step


async def end(workspace):
    """Stop what runs, and let the hub leave."""
    async with window(workspace) as (studio, _):
        await studio.get(lambda id: Detach(id, False))


def socket_of(workspace):
    return next(path for path in meeting.places(workspace) if path.exists())


def test_a_training_goes_on_without_a_window_and_is_met_again(workspace):
    async def check():
        hub, step = await detached(workspace)
        assert hub.ppid() != os.getpid()
        for _ in range(2):  # once and again
            async with window(workspace) as (studio, _):
                hello = await studio.hello()
                assert (hello.pid, hello.detached) == (hub.pid, True)
                (known,) = (await studio.get(GetRuns)).runs
                assert known.state == "running"
                step = await moving(studio, step)
        assert len(workers(FAKE)) == 1
        await end(workspace)

    asyncio.run(check())


def test_the_studio_that_is_killed_costs_nothing(workspace):
    """The window's process and the guardian die by kill -9, as a crash takes them."""

    async def check():
        async with window(workspace) as (studio, guardian):
            hub = (await studio.hello()).pid
            await begin(studio)
            await studio.get(Detach)
            guardian.kill()
        async with window(workspace) as (studio, _):
            assert (await studio.hello()).pid == hub
            await moving(studio)
        await end(workspace)

    asyncio.run(check())


def test_without_the_wish_the_guardians_death_ends_the_hub(workspace):
    async def check():
        async with window(workspace) as (studio, guardian):
            hub = psutil.Process((await studio.hello()).pid)
            await begin(studio)
            guardian.kill()
            await studio.state("a", "stopped")  # it saves, and says so
        await soon(lambda: not alive(hub))

    asyncio.run(check())


def alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_the_end_of_the_stream_stops_a_hub_that_is_not_to_live_on(workspace):
    async def check():
        async with window(workspace) as (studio, _):
            await begin(studio)
            await studio.get(Detach)
            await studio.get(lambda id: Detach(id, False))
        await soon(lambda: not processes())

    asyncio.run(check())
    assert not next(iter(meeting.places(workspace))).exists()


def test_with_nothing_to_do_it_leaves(workspace):
    async def check():
        async with window(workspace) as (studio, _):
            await studio.get(Detach)
        await soon(lambda: not processes(), 30.0)
        hub, _ = await detached(workspace)
        async with window(workspace) as (studio, _):
            await studio.get(lambda id: ControlRun(id, "a", "save"))  # it finishes
            await studio.state("a", "finished")
            assert alive(hub)
        await soon(lambda: not processes(), 30.0)

    asyncio.run(check())
    assert not meeting.meet(workspace)


def test_it_works_at_the_queue_without_a_window(workspace):
    async def check():
        async with window(workspace) as (studio, _):
            await begin(studio)
            await studio.get(lambda id: StartRun(id, points_spec(), "b", queue=True))
            await studio.get(Detach)
        for worker in workers(FAKE):
            worker.terminate()  # it saves and leaves, and makes room
        await soon(lambda: (workspace / "runs" / "b" / "spec.toml").exists())
        async with window(workspace) as (studio, _):
            assert (await studio.get(GetQueue)).runs == ()
            await moving(studio)
        await end(workspace)

    asyncio.run(check())


def test_a_held_queue_alone_keeps_nobody(workspace):
    async def check():
        async with window(workspace) as (studio, _):
            await studio.get(lambda id: SetQueue(id, held=True))
            await studio.get(lambda id: StartRun(id, points_spec(), "b", queue=True))
            await studio.get(Detach)
        await soon(lambda: not processes(), 30.0)
        async with window(workspace) as (studio, _):
            assert (await studio.get(GetQueue)).runs == ("b",)

    asyncio.run(check())


def test_one_window_trains_and_another_one_shows(workspace):
    async def check():
        hub, _ = await detached(workspace)
        async with window(workspace) as (first, process):
            pid = (await first.hello()).pid
            assert pid == hub.pid
            async with window(workspace) as (second, _):
                assert (await second.hello()).pid != hub.pid
                (known,) = (await second.get(GetRuns)).runs
                assert known.state == "running"
                for build in (
                    lambda id: StartRun(id, points_spec(), "c"),
                    lambda id: StartRun(id, points_spec(), "c", queue=True),
                    lambda id: SetQueue(id, held=True),
                    Detach,
                ):
                    text = await second.refusal(build)
                    assert "is open in another window (process" in text
                assert "trained already" in await second.refusal(lambda id: ResumeRun(id, "a"))
            process.kill()  # the first window dies, which makes room
            await process.wait()
            async with window(workspace) as (third, _):
                assert (await third.hello()).pid == hub.pid
                await moving(third)
        await end(workspace)

    asyncio.run(check())


def test_two_windows_without_a_background_one_trains_and_its_death_makes_room(workspace):
    async def check():
        async with window(workspace) as (second, _):
            async with window(workspace) as (first, _):
                await begin(first)
                assert "another window" in await second.refusal(
                    lambda id: StartRun(id, points_spec(), "b")
                )
                os.kill((await first.hello()).pid, signal.SIGKILL)
                await soon(lambda: not workers(FAKE))
            await begin(second, "b")
            assert len(workers(FAKE)) == 1

    asyncio.run(check())


def test_a_hub_that_was_killed_leaves_no_worker_and_blocks_nobody(workspace):
    async def check():
        hub, _ = await detached(workspace)
        there = socket_of(workspace)
        hub.kill()
        await soon(lambda: not workers(FAKE))
        assert there.exists()  # stale
        hub, _ = await detached(workspace, "b")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(there))  # its place is taken again
        async with window(workspace) as (studio, _):
            assert (await studio.hello()).pid == hub.pid
        await end(workspace)

    asyncio.run(check())


def test_a_signal_lets_it_save_and_leave(workspace):
    async def check():
        hub, _ = await detached(workspace)
        async with window(workspace) as (studio, _):
            await studio.hello()
            hub.terminate()
            await studio.state("a", "stopped")
            await studio.ended.wait()

    asyncio.run(check())


def test_more_signals_while_it_saves_cut_nothing_short(workspace):
    """The window has left, and whoever ends the session is impatient with the hub."""
    saved = workspace / "runs" / "lingers" / "saved"

    async def check():
        async with window(workspace) as (studio, guardian):
            await begin(studio, "lingers")
            studio.writer.close()
            for _ in range(3):
                await asyncio.sleep(0.2)
                guardian.terminate()
            await guardian.wait()  # which ends as the hub ends
            assert saved.exists()

    asyncio.run(check())


def test_a_machine_that_sleeps_wakes_to_a_run_that_goes_on(workspace, monkeypatch):
    """Hub and worker stand still for longer than a silence may be, and nothing fires."""
    monkeypatch.setenv("FAKE_SILENCE", "4.0")

    async def check():
        async with window(workspace) as (studio, _):
            await begin(studio)
            await asyncio.sleep(2.0)  # the hub has looked at its clock
            hub, (worker,) = psutil.Process((await studio.hello()).pid), workers(FAKE)
            worker.suspend()
            hub.suspend()
            await asyncio.sleep(6.0)
            hub.resume()
            await asyncio.sleep(0.2)
            worker.resume()
            await moving(studio, 20)
            states = [m.run.state for m in studio.notices if isinstance(m, RunChanged)]
            assert "silent" not in states

    asyncio.run(check())


def test_what_a_library_prints_in_the_hub_lands_in_its_log(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_LIBRARY", "1")

    async def check(log):
        async with hub_process(workspace, HUB, stderr=log) as (studio, _):
            for _ in range(3):
                assert isinstance(await studio.get(GetCatalogue), Catalogue)
            assert (await studio.get(GetRuns)).runs == ()

    with open(tmp_path / "log", "wb") as log:
        asyncio.run(check(log))
    said = (tmp_path / "log").read_text()
    assert said.count("stray ") == said.count("print ") == 3 * 170 << 9


def test_locks_that_were_left_lying_block_nobody(workspace):
    """They are files; what counts is whether a living process holds them."""

    async def check():
        async with window(workspace) as (studio, _):
            await begin(studio)
        for file in (workspace / "hub.lock", workspace / "queue.lock"):
            file.write_bytes(b'{"hub":1,"window":1}')
        assert (workspace / "runs" / "a" / "lock").exists()
        async with window(workspace) as (studio, _):
            await studio.get(lambda id: ResumeRun(id, "a"))
            await studio.state("a", "running")
            await studio.get(lambda id: StartRun(id, points_spec(), "b", queue=True))

    asyncio.run(check())


def test_a_terminal_that_hangs_up_does_not_end_it(workspace):
    async def check():
        hub, step = await detached(workspace)
        hub.send_signal(signal.SIGHUP)
        async with window(workspace) as (studio, _):
            await moving(studio, step)
        assert os.getsid(hub.pid) == hub.pid
        await end(workspace)

    asyncio.run(check())


def test_the_socket_is_for_this_user_alone(workspace, runtime):
    async def check():
        await detached(workspace)
        path = socket_of(workspace)
        assert path.is_relative_to(runtime)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert len(os.fsencode(path)) <= 100
        path.parent.chmod(0o755)  # a folder that others may enter is none that is trusted
        assert meeting.meet(workspace) is None
        path.parent.chmod(0o700)
        await end(workspace)

    asyncio.run(check())


def test_another_user_is_turned_away(workspace, monkeypatch):
    """The hub here believes that whoever comes is somebody else."""

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: StartRun(id, points_spec(), "a"))
            await studio.get(Detach)
            met = await asyncio.to_thread(meeting.meet, workspace)
            assert met is not None
            assert met.busy
            met.connection.close()
            monkeypatch.setattr("engine.hub.door.owner", lambda connection: os.getuid() + 1)
            assert await asyncio.to_thread(meeting.meet, workspace) is None
            await studio.get(lambda id: Detach(id, False))

    asyncio.run(check())


def test_a_socket_of_another_user_is_not_spoken_to(workspace, monkeypatch):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: StartRun(id, points_spec(), "a"))
            await studio.get(Detach)
            monkeypatch.setattr("engine.hub.meeting.owner", lambda connection: os.getuid() + 1)
            assert await asyncio.to_thread(meeting.meet, workspace) is None
            await studio.get(lambda id: Detach(id, False))

    asyncio.run(check())


def test_a_system_says_who_is_on_the_other_side():
    here, there = socket.socketpair()
    with here, there:
        assert meeting.owner(here) == os.getuid()


def test_a_long_path_of_a_runtime_folder_is_passed_over(workspace, monkeypatch, tmp_path):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    found = list(meeting.places(workspace))
    assert found
    assert all(len(os.fsencode(path)) <= 100 for path in found)
    assert found[0].name == "hub"


def test_a_workspace_by_another_name_is_the_same_one(workspace, tmp_path):
    workspace.mkdir()
    (tmp_path / "link").symlink_to(workspace)
    assert [*meeting.places(workspace)] == [*meeting.places(tmp_path / "link")]


WORDS = (b"", b"\n", b"GET / HTTP/1.0\r\n\r\n", b"FMS1 dance\n", b"\xff" * 5000)


def test_whoever_speaks_another_language_is_turned_away(workspace):
    async def check():
        await detached(workspace)
        for words in WORDS:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(socket_of(workspace)))
                with contextlib.suppress(OSError):
                    connection.sendall(words)
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(20)
                    assert connection.recv(100) == b""
        async with window(workspace) as (studio, _):
            await moving(studio)
        await end(workspace)

    asyncio.run(check())


def test_garbage_ends_the_stream_and_not_the_training(workspace):
    """Also half a frame, and a frame that claims to be larger than any."""

    async def check():
        hub, step = await detached(workspace)
        for words in (b"Last login: yesterday\n", b"\xff\xff\xff\xff\x00\x00\x00\x00", b"\x05"):
            async with window(workspace) as (studio, _):
                assert (await studio.hello()).pid == hub.pid
                studio.send_bytes(words * 50 if len(words) > 1 else words)
            async with window(workspace) as (studio, _):
                step = await moving(studio, step)
        await end(workspace)

    asyncio.run(check())


def test_a_pump_that_is_killed_is_a_network_that_was_lost(workspace):
    """The run goes on, nobody calls it failed, and no row is missing to who comes back."""

    async def check():
        hub, step = await detached(workspace)
        for _ in range(3):
            async with window(workspace) as (studio, pump):
                assert (await studio.hello()).pid == hub.pid
                step = await moving(studio, step)
                pump.kill()
                await studio.ended.wait()
        async with window(workspace) as (studio, _):
            (known,) = (await studio.get(GetRuns)).runs
            assert (known.state, known.message) == ("running", "")
            await moving(studio, step)
        assert len(workers(FAKE)) == 1
        await end(workspace)

    asyncio.run(check())


def test_a_terminal_is_told_what_the_hub_knows(workspace):
    async def check():
        async with window(workspace) as (studio, _):
            await begin(studio)
            await studio.get(lambda id: ControlRun(id, "a", "pause"))
            await studio.state("a", "paused")
            await studio.get(lambda id: StartRun(id, points_spec(), "b", queue=True))
            await studio.get(Detach)
            known = await asyncio.to_thread(known_runs, workspace)  # beside the window, too
            assert [(r.name, r.state) for r in known] == [("b", "queued"), ("a", "paused")]
        await end(workspace)

    asyncio.run(check())
    states = [(r.name, r.state) for r in known_runs(workspace)]
    assert states == [("b", "queued"), ("a", "stopped")]


def test_attach_is_a_pump_alone(workspace):
    command = [sys.executable, "-m", "engine.cli", "attach", "--workspace", str(workspace)]
    none = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert none.returncode == 2
    assert none.stderr == f"{workspace} has no engine in the background.\n"

    async def check():
        await detached(workspace)
        asked = frames.encode(b'{"type":"hello","program":"test"}')
        asked += frames.encode(b'{"type":"getruns","id":1}')
        said = await asyncio.to_thread(
            lambda: subprocess.run(command, capture_output=True, input=asked, timeout=60)
        )
        assert said.returncode == 0
        headers = [header for header, _ in frames.Decoder().feed(said.stdout)]
        assert any(b'"running"' in header for header in headers)
        async with window(workspace) as (_, _):
            busy = await asyncio.to_thread(
                lambda: subprocess.run(command, capture_output=True, text=True, input="")
            )
            assert "is open in another window (process" in busy.stderr
        await end(workspace)

    asyncio.run(check())


def test_a_hub_is_started_in_the_background_by_a_command(workspace):
    command = [sys.executable, "-m", "engine.cli", "serve", "--detach", "--workspace"]

    def serve():
        return subprocess.run([*command, str(workspace)], capture_output=True, text=True)

    first, second = serve(), serve()
    assert first.returncode == second.returncode == 0, first.stderr
    assert "is in the background (process" in first.stdout
    assert "already" in second.stdout

    async def check():
        async with window(workspace) as (studio, _):
            assert (await studio.hello()).detached
            await studio.get(lambda id: Detach(id, False))

    asyncio.run(check())
    wait_until(lambda: not processes())
