"""Specs as TOML, from anybody: small, plain, and every unknown field named."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from engine.contract.errors import UserError
from engine.contract.schema import SpecError
from engine.contract.specs import RunSpec, read_spec

BYTE_CAP = 1 << 20
UNKNOWN = 20  # unknown fields that are named
_UNKNOWN = "Object contains unknown field `"


def read_spec_file(path: Path, beside: tuple[str, ...] = ()) -> RunSpec:
    """The spec in a TOML file; `beside` are other keys that it may have.

    Raises OSError, UserError, and SpecError where it names a field.
    """
    with open(path, "rb") as file:
        content = file.read(BYTE_CAP + 1)
    return spec_of(content, str(path), beside)


def spec_of(content: bytes, name: str, beside: tuple[str, ...] = ()) -> RunSpec:
    """The spec in TOML that is called `name`. Raises UserError, and SpecError for a field."""
    values = parse(content, name)
    values = {key: value for key, value in values.items() if key not in beside}
    if unknown := unknown_fields(values):
        known = "no field" if len(unknown) == 1 else "none of the fields"
        raise SpecError(
            unknown[0], f"{name}: a spec has {known} {', '.join(unknown)}; take them out."
        )
    try:
        return read_spec(values)
    except SpecError as error:
        raise SpecError(error.key, f"{name}: {error}") from error


def parse(content: bytes, name: str) -> dict[str, Any]:
    """The values of TOML. Raises UserError, one sentence, whatever the bytes are."""
    if len(content) > BYTE_CAP:
        raise UserError(f"{name} is no spec: it is larger than {BYTE_CAP >> 20} MB.")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except ValueError as error:  # also of numbers with thousands of digits, and of no UTF-8
        said = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"{name} is not readable TOML: {said}.") from error
    except RecursionError:
        raise UserError(f"{name} is not readable TOML: it is nested too deep.") from None


def unknown_fields(values: dict[str, Any]) -> list[str]:
    """Every field that a spec does not have, up to `UNKNOWN` of them, as `table.field`."""
    values = copy.deepcopy(values)
    found: list[str] = []
    while len(found) < UNKNOWN:
        try:
            msgspec.convert(values, RunSpec, strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            text, _, where = str(error).partition(" - at `$")
            if not text.startswith(_UNKNOWN):
                return found
            key = text.removeprefix(_UNKNOWN).removesuffix("`")
            table = where.strip("`.")
            inside = _table(values, table)
            if key not in inside:
                return found
            del inside[key]
            found.append(f"{table}.{key}" if table else key)
        else:
            return found
    return found


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    for part in filter(None, name.split(".")):
        inner = values.get(part)
        if not isinstance(inner, dict):
            return {}
        values = inner
    return values
