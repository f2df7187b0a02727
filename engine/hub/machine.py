"""What this machine has, found without importing torch."""

import importlib.metadata
import os
import platform
from pathlib import Path

from engine.contract.errors import UserError

NO_TORCH = 'PyTorch is not installed; install it with `pip install "flowmap-studio[engine]"`.'


def torch_version() -> str:
    """The version of the installed torch, empty where there is none."""
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return ""


def check_torch() -> None:
    """Raise UserError where torch is not installed."""
    if not torch_version():
        raise UserError(NO_TORCH)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device_kind(wanted: str) -> str:
    """What a spec's device stands for here: cpu, cuda or mps; `auto` takes a GPU that is there."""
    if wanted != "auto":
        return wanted
    return "cuda" if any(Path("/proc/driver/nvidia/gpus").glob("*/information")) else "cpu"


def device() -> str:
    """The name of the GPU where the driver tells it, else of the processor."""
    for file in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        if name := _value(file, "Model"):
            return name
    return _value(Path("/proc/cpuinfo"), "model name") or platform.processor() or "CPU"


def _value(file: Path, key: str) -> str:
    """The value of the first line `key : value` of a file, empty where there is none."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), "")
