"""`queue`: what waits to be trained, and a terminal that trains it."""

import signal
import subprocess
import sys
import tempfile
import time
from operator import methodcaller
from pathlib import Path
from typing import Annotated

import msgspec
import tomli_w
import typer

from engine.cli.options import Workspace
from engine.cli.output import Json, complaints, console, show
from engine.cli.training import key_values, spec_from
from engine.contract import exits
from engine.contract.messages import StartRun
from engine.hub.control import Control
from engine.hub.queue import Entry, Plan, QueueFile, has_begun
from engine.hub.trainings import Trainings
from engine.hub.workspace import runs_folder
from engine.runs.folder import RunFolder
from engine.worker.parent import leave_with_parent

app = typer.Typer()
queue = typer.Typer(help="What waits to be trained: list, add, move, remove, hold, release, work.")
app.add_typer(queue, name="queue")

Run = Annotated[str, typer.Argument(help="The name of a run that waits.")]
_LEAVES = leave_with_parent if sys.platform == "linux" else None  # so that no training is orphaned


@queue.callback(invoke_without_command=True)
def default(context: typer.Context, workspace: Workspace) -> None:
    """What waits to be trained; without a command, the list."""
    if context.invoked_subcommand is None:
        _list(workspace, False)


@queue.command(name="list")
def list_(workspace: Workspace, json: Json = False) -> None:
    """The runs that wait, the next one first."""
    _list(workspace, json)


@queue.command()
def add(
    spec: Annotated[str, typer.Argument(help="A preset's name or a TOML file.")],
    workspace: Workspace,
    name: Annotated[str, typer.Option(help="The run's name.")] = "",
    data: Annotated[str, typer.Option(help="Train on this data set instead.")] = "",
    teacher: Annotated[str | None, typer.Option(help="A run or a model to learn from.")] = None,
    start: Annotated[str | None, typer.Option(help="A model whose weights are the first.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value, any number.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Number of updates.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every random draw.")] = None,
) -> None:
    """Queue a new run: its spec is kept as it is now, and its name is taken."""
    wanted = spec_from(spec, set_ or [], data, steps, seed, teacher, start)
    file = _file(workspace)
    promised = [entry.run for entry in file.read().entries]
    request = StartRun(0, wanted, name)
    info = Trainings(workspace, lambda message: None).prepared(request, promised)
    file.edit(methodcaller("added", Entry(info.name, wanted, time.time())))
    console.print(f"{info.name} waits.")


@queue.command()
def resume(
    run: Annotated[str, typer.Argument(help="The name of a run that stopped.")],
    workspace: Workspace,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value of training or cadence, other from there on."),
    ] = None,
) -> None:
    """Queue a run that stopped, to go on when its turn comes."""
    changes = tuple(key_values(set_ or []))
    Trainings(workspace, lambda message: None).resumable(run, changes)
    entry = Entry(run, None, time.time(), changes=changes)
    _file(workspace).edit(methodcaller("added", entry))
    console.print(f"{run} waits.")


@queue.command()
def move(
    run: Run, place: Annotated[int, typer.Argument(min=1, help="1: next.")], workspace: Workspace
) -> None:
    """Put a run at another place; one that could not begin is tried again."""
    _file(workspace).edit(methodcaller("moved", run, place - 1))


@queue.command()
def remove(run: Run, workspace: Workspace) -> None:
    """Let a run wait no more; one that never began is gone with it."""

    def change(plan: Plan) -> Plan:
        plan.find(run)
        return plan.without(run)

    _file(workspace).edit(change)


@queue.command()
def hold(workspace: Workspace) -> None:
    """Start nothing more; what is being trained goes on."""
    _file(workspace).edit(methodcaller("set", True, None))


@queue.command()
def release(
    workspace: Workspace,
    at_once: Annotated[
        int | None, typer.Option(min=1, help="Runs that are trained at once on each device.")
    ] = None,
) -> None:
    """Go on with what waits."""
    _file(workspace).edit(methodcaller("set", False, at_once))


@queue.command()
def work(workspace: Workspace) -> None:
    """Train what waits in this terminal, one after the other, held or not; Ctrl-C saves."""
    control, file, failed = Control(workspace), _file(workspace), 0
    control.take()
    tried: set[str] = set()
    while entry := next((e for e in file.read().entries if e.run not in tried), None):
        tried.add(entry.run)
        console.print(f"{entry.run}:")
        code = _train(entry, workspace, file)
        if code == exits.INTERRUPTED:
            raise typer.Exit(code)
        failed += code != exits.FINISHED
    if failed:
        complaints.print(f"{failed} of {len(tried)} did not finish.")
        raise typer.Exit(exits.FAILED)


def _train(entry: Entry, workspace: Path, file: QueueFile) -> int:
    """Train one run in a process of its own, so that its end is not ours; returns its exit code.

    Its entry goes when its folder keeps the spec; what could not begin waits on, and says why.
    """
    folder = runs_folder(workspace) / entry.run
    with tempfile.TemporaryDirectory(prefix="flowmap-queue-") as scratch:
        words = ["resume", entry.run]
        words += [word for key, value in entry.changes for word in ("--set", f"{key}={value}")]
        if entry.spec is not None and not has_begun(RunFolder(folder), entry.spec):
            spec = Path(scratch, "spec.toml")
            spec.write_text(tomli_w.dumps(msgspec.to_builtins(entry.spec)), "utf-8")
            words = ["train", str(spec), "--run", str(folder)]
        command = [sys.executable, "-m", "engine.cli", *words, "--workspace", str(workspace)]
        code = _wait(subprocess.Popen(command, preexec_fn=_LEAVES))
    there = entry.spec is None or has_begun(RunFolder(folder), entry.spec)
    began = there and code not in (exits.BAD_INPUT, exits.NO_TORCH)
    problem = f"It {exits.in_words(code)} when it was started in a terminal."
    waits_on = methodcaller("with_problem", entry.run, problem)
    file.edit(methodcaller("without", entry.run) if began else waits_on)
    return code


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """Its exit code; Ctrl-C reaches it too and another signal is handed on, and it saves."""
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
    finally:
        signal.signal(signal.SIGTERM, before)


def _file(workspace: Path) -> QueueFile:
    return QueueFile(workspace, complaints.print)


def _list(workspace: Path, json: bool) -> None:
    plan = _file(workspace).read()
    rows = (
        {
            "place": place,
            "name": entry.run,
            "how": "new" if entry.spec is not None else "goes on",
            "problem": entry.problem,
        }
        for place, entry in enumerate(plan.entries, 1)
    )
    show(rows, json, "Nothing waits; `flowmap-engine queue add PRESET` does so.")
    if plan.held and not json:
        console.print("The queue is held; `flowmap-engine queue release` goes on with it.")
