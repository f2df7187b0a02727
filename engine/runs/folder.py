"""The folder of a run: where everything in it lies."""

import contextlib
import os
from pathlib import Path

import msgspec
import tomli_w

from engine.contract.files import write_whole
from engine.contract.spec_file import BYTE_CAP, parse
from engine.contract.specs import RunSpec, read_spec
from engine.runs.errors import RunError, disk_sentence
from engine.runs.older import brought_up

MANIFEST = "manifest.json"
FRAME = ".safetensors"
LOSS_MAP = "loss-map"


class RunFolder:
    """The paths of a run; `spec.toml` makes a folder a run."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.name = self.path.name
        self.spec_file = self.path / "spec.toml"
        self.lock = self.path / "lock"
        self.journal = self.path / "journal"
        self.log = self.path / "log.txt"
        self.samples = self.path / "samples"
        self.start = self.path / "start.safetensors"  # the weights that it began with, if any
        self.bad = self.path / "bad"  # what updates were given that could not be taken
        self.live_loss_map = self.path / f"{LOSS_MAP}{FRAME}"
        self._checkpoints = self.path / "checkpoints"
        self._film = self.path / "film"

    def create(self, spec: RunSpec) -> None:
        """Make the folder and write the spec; a failure leaves nothing behind.

        Raises RunError where a run or anything else is there, or nothing can be written.
        """
        try:
            if self.spec_file.exists():
                way_out = "resume it or choose another folder"
                raise RunError(f"{self.path} already holds a run; {way_out}.")
            if self.path.exists() and any(self.path.iterdir()):
                raise RunError(f"{self.path} is not empty; choose another folder.")
            made = not self.path.exists()
            self._fill(spec, made)
        except FileExistsError:
            raise RunError(f"{self.path} is not empty; choose another folder.") from None
        except OSError as error:
            raise RunError(disk_sentence("start a run in", self.path, error)) from error

    def _fill(self, spec: RunSpec, made: bool) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self.samples.mkdir()
            self._checkpoints.mkdir()
            text = tomli_w.dumps(msgspec.to_builtins(spec))
            write_whole(self.spec_file, text.encode())
        except FileExistsError:  # another program began a run here meanwhile: it is not ours
            raise
        except OSError:
            self.remove(keep_folder=not made)
            raise

    def remove(self, keep_folder: bool = False) -> None:
        """Take away a run that never began: only what a new run has in it."""
        with contextlib.suppress(OSError):
            kept = (self.start, self.path / "teacher.safetensors")
            for file in (self.spec_file, self.journal, self.log, self.lock, *kept):
                file.unlink(missing_ok=True)
            for folder in (self.samples, self._checkpoints):
                if folder.exists():
                    folder.rmdir()
            if not keep_folder:
                self.path.rmdir()

    def spec(self) -> RunSpec:
        """The spec the run was started with. Raises UserError, SpecError."""
        try:
            with open(self.spec_file, "rb") as file:
                content = file.read(BYTE_CAP + 1)
        except FileNotFoundError:
            raise RunError(f"{self.path} is not a run: it has no spec.toml.") from None
        except OSError as error:
            raise RunError(disk_sentence("read", self.spec_file, error)) from error
        return read_spec(brought_up(parse(content, str(self.spec_file))))

    def checkpoint(self, step: int) -> Path:
        """Where the sealed checkpoint of `step` lies."""
        return self._checkpoints / f"{step:06d}"

    def checkpoints(self, sealed: bool = True) -> list[int]:
        """Steps of all sealed checkpoints, oldest first (a manifest is there; not verified).

        With `sealed` False also of those that have no manifest.
        """
        steps = sorted(_steps(self._checkpoints))
        return [s for s in steps if not sealed or (self.checkpoint(s) / MANIFEST).is_file()]

    def frame(self, step: int) -> Path:
        """Where the average of `step` lies that was put by when its checkpoint went."""
        return self._film / f"{step:06d}{FRAME}"

    def loss_map(self, step: int) -> Path:
        """Where the map of the training loss of a frame lies."""
        return self._film / f"{step:06d}-{LOSS_MAP}{FRAME}"

    def frames(self) -> list[int]:
        """Steps of all frames, oldest first."""
        return sorted(_steps(self._film, FRAME))

    def kept(self) -> list[int]:
        """Steps whose averages can be looked at, oldest first."""
        return sorted({*self.frames(), *self.checkpoints()})


def _steps(folder: Path, suffix: str = "") -> list[int]:
    """The steps that things in a folder are named after; none where it is not there."""
    try:
        names = (name.removesuffix(suffix) for name in os.listdir(folder) if name.endswith(suffix))
    except OSError:
        return []
    return [int(name) for name in names if name.isdecimal() and name.isascii()]
