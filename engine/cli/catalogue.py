"""`doctor`, `methods`, `presets` and `data`: what there is."""

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path
from typing import Annotated

import psutil
import typer

from engine.cli.options import Workspace
from engine.cli.output import Json, console, show
from engine.contract.catalogue import METHODS, DataSet, presets
from engine.contract.messages import ImportData, Imported
from engine.contract.paths import to_text
from engine.contract.schema import fields
from engine.contract.version import VERSION
from engine.data.catalogue import data_sets, find
from engine.worker.inspecting import ask_inspector
from engine.worker.limits import limits_for

app = typer.Typer()
data = typer.Typer(no_args_is_help=True, help="Data sets: list, import, show.")
app.add_typer(data, name="data")

PACKAGES = ("torch", "numpy", "h5py", "safetensors", "msgspec", "PySide6-Essentials", "pyqtgraph")


@app.command()
def doctor(workspace: Workspace, json: Json = False) -> None:
    """What this machine has, what is missing, and how to get it."""
    rows = [
        ("flowmap-studio", VERSION, ""),
        ("python", platform.python_version(), ""),
        ("system", platform.platform(), ""),
        ("cores", str(os.cpu_count()), ""),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.1f} GiB", ""),
        ("workspace", str(workspace), ""),
        ("free disk", f"{_free(workspace) / 2**30:.1f} GiB", ""),
        *((name, *_package(name)) for name in PACKAGES),
        ("device", _device(), ""),
    ]
    show(({"what": a, "found": b, "way_out": c} for a, b, c in rows), json)


def _package(name: str) -> tuple[str, str]:
    extra = "flowmap-studio[engine]" if name == "torch" else name
    try:
        return importlib.metadata.version(name), ""
    except importlib.metadata.PackageNotFoundError:
        return "missing", f'pip install "{extra}"'


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "none without torch"
    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


@app.command()
def methods(json: Json = False) -> None:
    """The training methods: what their models may be asked, what they need and cost."""
    rows = (
        {
            "name": m.name,
            "title": m.title,
            "capability": m.capability,
            "needs": m.needs,
            "cost": m.cost,
            **({"summary": m.summary} if json else {}),
            "citation": m.citation,
        }
        for m in METHODS
    )
    show(rows, json)


@app.command(name="presets")
def list_presets(
    name: Annotated[str, typer.Argument(help="Show the fields of this preset.")] = "",
    json: Json = False,
) -> None:
    """The presets; with a name, every field of that preset."""
    known = presets()
    if not name:
        rows = ({"name": p.name, "title": p.title, "summary": p.summary} for p in known.values())
        show(rows, json)
        return
    from engine.cli.training import preset_called

    rows_of_fields = (
        {"key": f.key, "value": f.value, "unit": f.unit, "low": f.low, "high": f.high,
         "help": f.help}
        for f in fields(preset_called(name).spec)
        if f.shown
    )  # fmt: skip
    show(rows_of_fields, json)


def _row(info: DataSet) -> dict[str, object]:
    return {
        "name": info.name,
        "kind": info.kind,
        "shape": info.shape,
        "count": info.count or "without end",
        "labels": len(info.labels) or None,
        "exact_map": info.exact,
    }


@data.command("list")
def list_data(workspace: Workspace, json: Json = False) -> None:
    """The data sets that can be trained on."""
    show((_row(info) for info in data_sets(workspace)), json)


@data.command("show")
def show_data(name: str, workspace: Workspace, json: Json = False) -> None:
    """One data set."""
    info = find(name, workspace)
    show([{**_row(info), "labels": info.labels, "source": info.source}], json)


@data.command("import")
def import_from(
    path: Annotated[Path, typer.Argument(help="A folder of pictures; points as npz, npy or csv.")],
    name: Annotated[str, typer.Argument(help="What it shall be called here.")],
    workspace: Workspace,
    json: Json = False,
) -> None:
    """Import pictures or points as a data set."""
    path = path.absolute()
    request = ImportData(0, to_text(path), name)
    found = ask_inspector(request, workspace.absolute(), limits_for(path))
    assert isinstance(found, Imported)
    show([_row(found.data)], json)
    if json:
        return
    console.print(*found.notes, sep="\n", end="\n" if found.notes else "")
    if skipped := found.skipped:
        console.print(f"Skipped {len(skipped)}:", *(f"  {line}" for line in skipped), sep="\n")
