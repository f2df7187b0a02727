"""Keep the film of a finished run beside the shipped model that it ended in.

    python packaging/build_film.py RUN MODEL STEP...

Writes assets/models/MODEL/, a run folder to look back at: spec, thinned journal, and for each STEP
the average that MODEL is of, in half precision, with the map of its training loss where there is
one. The last step of the run must be MODEL, bit for bit: its weights are not kept twice.
"""

import argparse
import shutil
import sys
from pathlib import Path

import msgspec
import numpy as np
import tomli_w
from safetensors.numpy import load_file, save

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine.contract.journal import (  # noqa: E402
    Columns,
    Ended,
    Reader,
    Rows,
    Started,
    encode_event,
    encode_rows,
)
from engine.exchange.header import Header, read_header  # noqa: E402
from engine.runs.folder import FRAME, LOSS_MAP, RunFolder  # noqa: E402

MODELS = ROOT / "assets" / "models"
CURVES = ("step", "error", "error_diagonal")  # what the film's strip draws
PARTS = 64  # rows of each doubling of the step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("model", help="name of a shipped model")
    parser.add_argument("steps", type=int, nargs="+")
    asked = parser.parse_args()
    model = MODELS / f"{asked.model}{FRAME}"
    header, run = read_header(model), RunFolder(asked.run)
    average = f"ema-{header.ema:g}{FRAME}"
    check_same(model, run.checkpoint(header.step) / average)
    shutil.rmtree(MODELS / asked.model, ignore_errors=True)
    film = RunFolder(MODELS / asked.model)
    film.frame(0).parent.mkdir(parents=True)
    film.spec_file.write_text(tomli_w.dumps(msgspec.to_builtins(header.spec)), "utf-8")
    film.journal.write_bytes(thinned(run, header))
    for step in asked.steps:
        full = load_file(run.checkpoint(step) / average)
        halved = {key: weights.astype(np.float16) for key, weights in full.items()}
        film.frame(step).write_bytes(save(halved))
    for step in (*asked.steps, header.step):
        if (kept := run.checkpoint(step) / f"{LOSS_MAP}{FRAME}").is_file():
            shutil.copyfile(kept, film.loss_map(step))
    files = [file for file in film.path.rglob("*") if file.is_file()]
    print(f"{len(files)} files, {sum(file.stat().st_size for file in files):,} bytes")


def check_same(model: Path, last: Path) -> None:
    """The run must have ended in the shipped model."""
    shipped, trained = load_file(model), load_file(last)
    same = shipped.keys() == trained.keys()
    if not same or any((shipped[key] != trained[key]).any() for key in shipped):
        sys.exit(f"{last} holds other weights than {model.name}: this run did not end in that.")


def thinned(run: RunFolder, header: Header) -> bytes:
    """How the run began and ended, and medians of its rows, evenly in the logarithm of the step."""
    records = list(Reader().feed(run.journal.read_bytes()))
    rows = [record for record in records if isinstance(record, Rows)]
    names = tuple(name for name in CURVES if name in rows[0].names)
    values = np.concatenate([r.values[:, [r.names.index(name) for name in names]] for r in rows])
    bins = np.floor(PARTS * np.log2(values[:, 0]))
    parts = np.split(values, np.flatnonzero(np.diff(bins)) + 1)
    medians = np.array([np.nanmedian(part, axis=0) for part in parts])
    medians[:, 0] = [part[-1, 0] for part in parts]
    started = next(record for record in records if isinstance(record, Started))
    ended = next(record for record in reversed(records) if isinstance(record, Ended))
    if ended.how != "finished" or ended.step != header.step:
        sys.exit(f"{run.name} is {ended.how} at step {ended.step}, not finished at {header.step}.")
    head = encode_event(started) + encode_event(Columns(names))
    return head + encode_rows(medians) + encode_event(ended)


if __name__ == "__main__":
    main()
