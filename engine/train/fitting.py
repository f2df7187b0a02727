"""Whether a checkpoint is of the network that a spec describes, told before anything is copied."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from engine.contract.errors import UserError

LINES = 10  # differences that are named, the rest is counted
Group = Mapping[str, Tensor]


def check_fits(wanted: Mapping[str, Group], saved: Mapping[str, Group]) -> None:
    """Raise UserError, a line for each difference in names, shapes and types, where they differ."""
    found = list(differences(wanted, saved))
    if not found:
        return
    more = [f"and {len(found) - LINES:,} more"] if len(found) > LINES else []
    lines = [*found[:LINES], *more]
    told = f" {lines[0]}" if len(lines) == 1 else "".join(f"\n  {line}" for line in lines)
    raise UserError(f"The checkpoint does not fit spec.toml; nothing of it was loaded:{told}.")


def differences(wanted: Mapping[str, Group], saved: Mapping[str, Group]) -> Iterator[str]:
    """What differs, file by file; a file that only one side has is one difference."""
    for file in sorted(wanted.keys() | saved.keys()):
        if file not in saved or file not in wanted:
            yield f"only {_owner(file in wanted)} has {file or 'these'}"
            continue
        ours, theirs = wanted[file], saved[file]
        for key in sorted(ours.keys() | theirs.keys()):
            name = f"{file} {key}".strip()
            if key not in theirs or key not in ours:
                yield f"only {_owner(key in ours)} has {name}"
            elif ours[key].shape != theirs[key].shape:
                shapes = f"{tuple(theirs[key].shape)} instead of {tuple(ours[key].shape)}"
                yield f"{name} has shape {shapes}"
            elif ours[key].dtype != theirs[key].dtype:
                yield f"{name} is {_type(theirs[key])} instead of {_type(ours[key])}"


@torch.no_grad()
def copy_into(target: Group, saved: Group) -> None:
    """Copy saved tensors in place. Raises UserError, copying nothing, where they do not fit."""
    check_fits({"": target}, {"": saved})
    for key, value in target.items():
        value.copy_(saved[key])


def _owner(ours: bool) -> str:
    return "spec.toml" if ours else "the checkpoint"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
