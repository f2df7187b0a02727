"""What the command line prints: tables for people, one JSON object a line for programs."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]

# Names and paths of users may hold brackets, so nothing that is printed is markup.
console = Console(highlight=False, markup=False)
complaints = Console(stderr=True, highlight=False, markup=False)


def show(
    rows: Iterable[Mapping[str, Any]], as_json: bool, empty: str = "Nothing here yet."
) -> None:
    """Print rows that share their columns; `empty` is said where there are none."""
    rows = list(rows)
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


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value)
    return "yes" if value is True else "" if value is False or value is None else str(value)
