"""What can go wrong with a run."""

import errno
from pathlib import Path

from engine.contract.errors import UserError

_REASONS = {
    errno.ENOSPC: "there is no space left on its disk; free some or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "a file there would grow beyond its limit; choose another folder",
    errno.EROFS: "its disk is read-only; choose another folder",
    errno.EACCES: "you may not write there; choose another folder",
    errno.EPERM: "you may not write there; choose another folder",
    errno.ENOTDIR: "a part of that path is a file; choose another folder",
    errno.ENOENT: "it is not there; put it back or choose another folder",
    errno.EIO: "its disk does not answer; check the disk",
    errno.ENODEV: "its disk is gone; plug it in again",
    errno.ENXIO: "its disk is gone; plug it in again",
    errno.ESTALE: "its disk is gone; connect to it again",
}


class RunError(UserError):
    """A run that cannot be started, read or saved: one sentence that names the way out."""


def disk_sentence(what: str, path: Path, error: OSError) -> str:
    """One sentence for a failed read or write of `path`; `what` was to be done."""
    reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}")
    return f"Cannot {what} {path}: {reason}."
