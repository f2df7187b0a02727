"""`train` and `resume`: a training in this terminal, with a progress bar; Ctrl-C saves."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn

from engine.cli.options import Threads, Workspace
from engine.cli.output import Json, Telling, complaints, console, show
from engine.contract import exits, messages
from engine.contract.catalogue import Preset, data_problems, presets
from engine.contract.errors import UserError
from engine.contract.schema import with_value
from engine.contract.spec_file import read_spec_file
from engine.contract.specs import RunSpec, problems
from engine.data.catalogue import find

app = typer.Typer()
INTERRUPTED = exits.INTERRUPTED


def preset_called(name: str) -> Preset:
    """The preset of that name. Raises UserError with the nearest name."""
    known = presets()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.4)
        hint = f"; did you mean {near[0]!r}?" if near else "; `flowmap-engine presets` lists them."
        raise UserError(f"There is no preset {name!r}{hint}")
    return known[name]


def spec_from(
    word: str,
    changes: list[str],
    data: str,
    steps: int | None,
    seed: int | None,
    teacher: str | None = None,
    start: str | None = None,
) -> RunSpec:
    """A preset's or a TOML file's spec with the changes of the command line."""
    spec = _read_toml(Path(word)) if word.endswith(".toml") else preset_called(word).spec
    pairs: list[tuple[str, str]] = [("data.name", data)] if data else []
    pairs += [("training.steps", str(steps))] if steps is not None else []
    pairs += [("seed", str(seed))] if seed is not None else []
    pairs += [("method.teacher.source", teacher)] if teacher is not None else []
    pairs += [("start", start)] if start is not None else []
    pairs += key_values(changes)
    for key, value in pairs:
        spec = with_value(spec, key, value)
    # A short run of a preset must not be refused for the preset's long warm-up.
    chosen = any(key == "training.warmup" for key, _ in pairs)
    if steps and not chosen and spec.training.warmup >= spec.training.steps:
        spec = with_value(spec, "training.warmup", spec.training.steps // 10)
    return spec


def _read_toml(path: Path) -> RunSpec:
    try:
        return read_spec_file(path, ("title", "summary"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def key_values(changes: list[str]) -> list[tuple[str, str]]:
    """Key and value of each `--set`. Raises UserError."""
    found = [change.partition("=") for change in changes]
    for key, equals, _ in found:
        if not equals:
            raise UserError(f"--set wants key=value, not {key!r}.")
    return [(key, value) for key, _, value in found]


@app.command()
def train(
    spec: Annotated[str, typer.Argument(help="A preset's name or a TOML file.")],
    workspace: Workspace,
    data: Annotated[str, typer.Option(help="Train on this data set instead.")] = "",
    run: Annotated[Path | None, typer.Option(help="The run's folder; must be new.")] = None,
    teacher: Annotated[
        str | None, typer.Option(help="A run or a model to learn from, or exact, or ''.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="RUN@STEP, a run or a model whose averages are the first weights, or ''."
        ),
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value, any number.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Number of updates.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every random draw.")] = None,
    threads: Threads = 0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Train a few steps elsewhere and tell what it will take."),
    ] = False,
    json: Json = False,
) -> None:
    """Train a model; Ctrl-C saves and leaves with exit code 75."""
    wanted = spec_from(spec, set_ or [], data, steps, seed, teacher, start)
    chosen = find(wanted.data.name, workspace)
    if found := problems(wanted, chosen.kind) + data_problems(wanted, chosen):
        raise UserError(" ".join(p.message for p in found))
    if dry_run:
        _rehearse(wanted, workspace, threads, json)
        return
    folder = run or _new_folder(workspace, wanted)
    _session(folder, wanted, workspace, threads, json)


@app.command()
def resume(
    run: str,
    workspace: Workspace,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value of training or cadence, other from here on."),
    ] = None,
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Go on with a run from its newest sealed checkpoint."""
    from engine.hub.workspace import run_folder

    _session(run_folder(run, workspace), None, workspace, threads, json, key_values(set_ or []))


def _rehearse(spec: RunSpec, workspace: Path, threads: int, as_json: bool) -> None:
    from engine.worker.rehearsal import rehearse

    with Telling(1, as_json) as telling:
        tried = rehearse(spec, workspace, threads, telling.tell)
    if as_json:
        typer.echo(msgspec.json.encode(tried))
        return
    show(
        [
            {"what": "peak memory", "value": f"{tried.memory / 1e6:,.0f} MB ({tried.device})"},
            {"what": "speed", "value": f"{tried.rate:.3g} it/s"},
            {"what": "whole training", "value": clock(tried.seconds)},
            {"what": "a checkpoint", "value": f"{tried.checkpoint / 1e6:,.1f} MB"},
        ],
        False,
    )


def _new_folder(workspace: Path, spec: RunSpec) -> Path:
    from engine.hub.workspace import new_run_name

    return workspace / "runs" / new_run_name(workspace, spec)


def _session(
    folder: Path,
    spec: RunSpec | None,
    workspace: Path,
    threads: int,
    as_json: bool,
    changes: Sequence[tuple[str, str]] = (),
) -> None:
    from engine.worker.session import train_session

    bar = _Bar(as_json)
    with bar.progress:
        left = train_session(
            folder,
            spec,
            workspace,
            threads=threads,
            report=bar.report,
            tell=bar.tell,
            changes=tuple(changes),
        )
    if as_json:
        typer.echo(msgspec.json.encode(left))
    elif left.how == "failed":
        complaints.print(left.message)
    else:
        console.print(f"{left.how} at step {left.step} in {folder}")
    if left.how == "failed":
        raise typer.Exit(1)
    if left.how == "stopped":
        raise typer.Exit(INTERRUPTED)


class _Bar:
    """The progress bar, or one JSON line a report."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        columns = (
            TextColumn("{task.fields[phase]:>9}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} · {task.fields[rest]}"),
        )
        nobody_looks = as_json or not complaints.is_terminal  # a log wants no empty lines
        self.progress = Progress(*columns, console=complaints, disable=nobody_looks, transient=True)
        self._task = self.progress.add_task("", total=1, phase="loading", rest="")

    def report(self, now: messages.Progress) -> None:
        if self.as_json:
            typer.echo(msgspec.json.encode(now))
            return
        eta = "estimating" if now.eta < 0 else f"{clock(now.eta)} left"
        rest = f"{now.rate:.1f} it/s · {eta}"
        if now.error is not None:
            rest = f"error {now.error:.4f} · {rest}"
        self.progress.update(
            self._task, total=now.steps, completed=now.step, phase=now.phase, rest=rest
        )

    def tell(self, sentence: str) -> None:
        """A line above the bar, or a JSON line."""
        if self.as_json:
            typer.echo(msgspec.json.encode(messages.EngineNote("info", sentence)))
        else:
            complaints.print(sentence)


def clock(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"
