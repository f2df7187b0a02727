"""The exit codes of every program of the engine: what the end of a process says."""

import signal

FINISHED = 0
FAILED = 1
BAD_INPUT = 2
NO_TORCH = 3
NO_MEMORY = 4
NO_DEVICE = 5
INTERRUPTED = 75  # EX_TEMPFAIL of <sysexits.h>

MEANINGS = {
    FINISHED: "finished",
    FAILED: "failure",
    BAD_INPUT: "bad input",
    NO_TORCH: "PyTorch is not installed",
    NO_MEMORY: "memory ran out",
    NO_DEVICE: "the device was lost",
    INTERRUPTED: "interrupted and saved, can go on",
}
ALL = ", ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())
LEFT = {"finished": FINISHED, "failed": FAILED, "stopped": INTERRUPTED}  # of a training


def in_words(code: int) -> str:
    """How a process ended, as the end of a sentence that begins with its name."""
    if code >= 0:
        known = f" ({MEANINGS[code]})" if code in (NO_TORCH, NO_MEMORY, NO_DEVICE) else ""
        return f"left with exit code {code}{known}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return f"was killed by signal {-code} ({name})"


def died(code: int) -> bool:
    """Whether a process ended through no wish of its own, so that another one may do better."""
    return code < 0 or code == NO_DEVICE
