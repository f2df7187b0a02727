"""What the command line prints: tables for people, one JSON object a line for programs."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from engine.contract.paths import writable

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]

# Names and paths of users may hold brackets, so nothing that is printed is markup.
console = Console(highlight=False, markup=False)
complaints = Console(stderr=True, highlight=False, markup=False)


def show(
    rows: Iterable[Mapping[str, Any]], as_json: bool, empty: str = "Nothing here yet."
) -> None:
    """Print rows that share their columns; `empty` is said where there are none."""
    rows = [writable(dict(row)) for row in rows]
    if as_json:
        for row in rows:
            typer.echo(msgspec.json.encode(row))
        return
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    console.print(table)


class Telling:
    """How far something is: a bar for people, a JSON line each for programs."""

    def __init__(self, total: int, as_json: bool) -> None:
        self._total, self._json = total, as_json
        columns = (BarColumn(), TextColumn("{task.completed:,.0f}/{task.total:,.0f}"))
        nobody_looks = as_json or not complaints.is_terminal
        self._bar = Progress(*columns, console=complaints, disable=nobody_looks, transient=True)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> "Telling":
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def tell(self, done: int, total: int = 0) -> None:
        """So much is done, of `total` where that was not known before."""
        self._total = total or self._total
        self._bar.update(self._task, total=self._total)
        if self._json:
            typer.echo(msgspec.json.encode({"done": done, "total": self._total}))
        self._bar.update(self._task, completed=done)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value)
    return "yes" if value is True else "" if value is False or value is None else str(value)
