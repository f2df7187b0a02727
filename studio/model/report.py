"""What a person hands on when something went wrong: gathered, made anonymous, packed."""

import asyncio
import contextlib
import io
import platform
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

import msgspec
import numpy as np
import PySide6
import tomli_w

from engine.contract.messages import Chunk, ReadLog
from engine.contract.version import PROTOCOL, RUN_FORMAT, VERSION
from studio.link.link import Link, LinkError
from studio.link.log import tail
from studio.model.ask import ask
from studio.model.engine_model import EngineModel
from studio.model.privacy import Cleaner, places
from studio.model.run_model import RunModel

LAST = 256 << 10  # bytes of each log
DOCTOR_COMMAND = (sys.executable, "-m", "engine.cli", "doctor")
DOCTOR = 60.0  # seconds that it may take: it loads torch
ABOUT = """This report of Flow Map Studio holds what the other files in it show: no data, samples or
weights. Names of folders, of the user and of the machine were replaced by words in angle brackets.
"""


@dataclass(frozen=True)
class Report:
    """Texts by their names in the zip, already anonymous."""

    files: Mapping[str, str]

    def packed(self) -> bytes:
        """The bytes of the zip; the same report gives the same ones."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.files.items():
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, text.encode("utf-8", "replace"))
        return content.getvalue()


async def gather(
    link: Link, engine: EngineModel, run: RunModel | None, logs: Mapping[str, Path]
) -> Report:
    """Everything that helps to find a fault; what cannot be had says why in its place."""
    workspace = engine.hello.workspace if engine.hello else ""
    found = {"about.txt": ABOUT, "versions.txt": _versions(engine)}
    found["doctor.txt"] = await _doctor(workspace)
    found["notes.txt"] = "".join(f"{note.level}: {note.text}\n" for note in engine.log)
    if run is not None:
        found |= await _of_run(link, run)
    background = {"hub.log": Path(workspace) / "hub.log"} if workspace else {}
    for name, path in {**logs, **background}.items():
        found[f"logs/{name}"] = await asyncio.to_thread(tail, path, LAST)
    return await asyncio.to_thread(_cleaned, found, workspace)


def _cleaned(found: Mapping[str, str], workspace: str) -> Report:
    cleaner = Cleaner(places(workspace))
    return Report({name: cleaner.clean(text) for name, text in found.items() if text.strip()})


def _versions(engine: EngineModel) -> str:
    hello = engine.hello
    rows = {
        "studio": f"{VERSION}, protocol {PROTOCOL}, run format {RUN_FORMAT}",
        "engine": f"{hello.version}, torch {hello.torch or 'missing'}" if hello else engine.state,
        "device": f"{hello.device}, {hello.cores} cores" if hello else "",
        "system": platform.platform(),
        "python": sys.version.replace("\n", " "),
        "PySide6": PySide6.__version__,
        "numpy": np.__version__,
    }
    return "".join(f"{name}: {text}\n" for name, text in rows.items())


async def _doctor(workspace: str) -> str:
    """What `flowmap-engine doctor` says on this machine."""
    about = ["--workspace", workspace] if workspace else []
    try:
        process = await asyncio.create_subprocess_exec(
            *DOCTOR_COMMAND, *about, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
    except OSError as error:
        return f"doctor could not be started: {error}\n"
    try:
        said, complained = await asyncio.wait_for(process.communicate(), DOCTOR)
    except TimeoutError:
        return f"doctor did not answer within {DOCTOR:.0f} seconds\n"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return (said + complained).decode("utf-8", "replace")


async def _of_run(link: Link, run: RunModel) -> dict[str, str]:
    """The spec, the events and the log of a run."""
    lines = [msgspec.json.encode(event).decode() for event in run.events]
    found = {
        "run/state.json": msgspec.json.format(msgspec.json.encode(run.info), indent=1).decode(),
        "run/events.jsonl": "\n".join(lines),
    }
    try:
        found["run/spec.toml"] = tomli_w.dumps(msgspec.to_builtins(await run.spec()))
    except LinkError as error:
        found["run/spec.toml"] = f"# {error}"
    with contextlib.suppress(LinkError):
        _, log = await ask(link, partial(ReadLog, run=run.name, size=LAST), Chunk)
        found["run/log.txt"] = log.decode("utf-8", "replace")
    return found
