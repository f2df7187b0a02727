"""Fields of a spec as data: what the form, `--set`, the validation and the docs are built from.

A spec is a frozen `msgspec.Struct` whose fields are annotated by `described(...)`. A key is the
dotted path of a field, `training.batch`. A field that holds one of several structs (`method`,
`network`) is itself a choice, by tag: setting `network` to `dit` puts that struct's defaults there.
"""

import difflib
import functools
import math
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import inspect

from engine.contract.errors import UserError

Kind = Literal["number", "integer", "switch", "choice", "text", "numbers"]
Spec = TypeVar("Spec", bound=msgspec.Struct)
_type_info = functools.cache(inspect.type_info)  # a form asks for it at each key


class SpecError(UserError):
    """A value that a spec cannot take: one sentence for the user, and the key it is about."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Field(msgspec.Struct, frozen=True):
    """One field of a form: where it is, what it means, what it may be, what it is now."""

    key: str
    kind: Kind
    label: str
    help: str
    value: Any
    default: Any = None
    unit: str = ""
    empty: str = ""  # what it means to leave a text empty
    group: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    logarithmic: bool = False
    advanced: bool = False
    shown: bool = True


def described(
    label: str,
    help: str,
    *,
    unit: str = "",
    empty: str = "",
    low: float | None = None,
    high: float | None = None,
    logarithmic: bool = False,
    advanced: bool = False,
    shown_when: tuple[str, str | bool] | None = None,
) -> msgspec.Meta:
    """Describe a field. `shown_when=("time_law", "logit-normal")` names a sibling and its value."""
    return msgspec.Meta(
        title=label,
        description=help,
        extra={
            "unit": unit,
            "empty": empty,
            "low": low,
            "high": high,
            "logarithmic": logarithmic,
            "advanced": advanced,
            "shown_when": shown_when,
        },
    )


def fields(spec: msgspec.Struct, prefix: str = "", group: str = "") -> Iterator[Field]:
    """Every field of a spec in reading order; within a group, those of inner structs come last."""
    info = _type_info(type(spec))
    assert isinstance(info, inspect.StructType)
    items = [(item, getattr(spec, item.name)) for item in info.fields]
    if prefix:
        items.sort(key=lambda pair: isinstance(pair[1], msgspec.Struct))
    for item, value in items:
        meta = item.type if isinstance(item.type, inspect.Metadata) else None
        kind = meta.type if meta else item.type
        key = prefix + item.name
        if isinstance(value, msgspec.Struct):
            title = _title(meta, item.name)
            if isinstance(kind, inspect.UnionType):
                yield _union_field(key, kind, meta, value, title)
            yield from fields(value, f"{key}.", title)
        elif meta is not None:
            yield _plain_field(key, kind, meta, value, item.default, spec, group)


class Difference(msgspec.Struct, frozen=True):
    """A field whose values differ; `before` is None where only the second spec has it."""

    key: str
    label: str
    before: Any
    after: Any


def differences(before: msgspec.Struct, after: msgspec.Struct) -> list[Difference]:
    """What stands otherwise in `after` than in `before`, in its reading order.

    Fields that mean nothing there do not count; of those that `before` does not have, the ones
    count that are not at their defaults.
    """
    known = {field.key: field.value for field in fields(before)}
    return [
        Difference(field.key, field.label, known.get(field.key), field.value)
        for field in fields(after)
        if field.shown and field.value != known.get(field.key, field.default)
    ]


def said(value: Any) -> str:
    """A field's value in words."""
    match value:
        case None | "" | ():
            return "none"
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case tuple():
            return ", ".join(map(said, value))
        case _:
            return str(value)


def with_value(spec: Spec, key: str, value: Any) -> Spec:
    """The spec with one field changed; a `str` is read as the field's type.

    Raises SpecError, one sentence, for an unknown key or a value that the field cannot take.
    """
    known = {f.key: f for f in fields(spec)}
    if key not in known:
        near = difflib.get_close_matches(key, known, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise SpecError(key, f"There is no field {key!r}{hint}")
    changed: Spec = _replace(spec, key.split("."), _read(known[key], value))
    return changed


def _replace(spec: Any, path: list[str], value: Any) -> Any:
    name, rest = path[0], path[1:]
    if rest:
        value = _replace(getattr(spec, name), rest, value)
    elif isinstance(getattr(spec, name), msgspec.Struct):
        kind = {f.name: f.type for f in msgspec.structs.fields(type(spec))}[name]
        value = msgspec.convert({"kind": value}, kind)
    return msgspec.structs.replace(spec, **{name: value})


def range_problem(field: Field) -> str | None:
    """The sentence to show where a value lies outside its range, else None."""
    values = field.value if field.kind == "numbers" else (field.value,)
    if field.kind not in ("number", "integer", "numbers"):
        return None
    for value in values:
        if not math.isfinite(value):
            return f"{field.label} must be a finite number."
        if field.low is not None and value < field.low:
            return f"{field.label} must be at least {field.low:g}, not {value:g}."
        if field.high is not None and value > field.high:
            return f"{field.label} must be at most {field.high:g}, not {value:g}."
    return None


def _read(field: Field, value: Any) -> Any:
    """`value` as the type of `field`, within its range."""
    try:
        result = _parse(field, value)
    except (ValueError, TypeError, KeyError, OverflowError):
        wants = {"number": "a number", "integer": "a whole number", "switch": "true or false"}
        wanted = wants.get(field.kind, "numbers, with commas between them")
        raise SpecError(field.key, f"{field.label} must be {wanted}, not {value!r}.") from None
    if field.kind == "choice" and result not in field.choices:
        options = ", ".join(field.choices)
        raise SpecError(field.key, f"{field.label} must be one of {options}, not {value!r}.")
    if problem := range_problem(msgspec.structs.replace(field, value=result)):
        raise SpecError(field.key, problem)
    return result


def _parse(field: Field, value: Any) -> Any:
    match field.kind:
        case "number":
            return float(value)
        case "integer":
            number = float(value)
            if number != int(number):
                raise ValueError(value)
            return int(number)
        case "switch":
            words = {"true": True, "false": False, "1": True, "0": False}
            return value if isinstance(value, bool) else words[str(value).lower()]
        case "numbers":
            parts = _parts(value) if isinstance(value, str) else value
            return tuple(float(part) for part in parts)
        case _:
            return str(value)


def _parts(text: str) -> list[str]:
    """The parts of "1, 2", or of "[1, 2]" as TOML writes it; only the latter may be empty."""
    text = text.strip()
    if text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1].strip().removesuffix(",")
        return text.split(",") if text else []
    return text.split(",")


def _title(meta: inspect.Metadata | None, name: str) -> str:
    title = (meta.extra_json_schema or {}).get("title") if meta else None
    return title or name.capitalize()


def _union_field(
    key: str,
    kind: inspect.UnionType,
    meta: inspect.Metadata | None,
    value: msgspec.Struct,
    title: str,
) -> Field:
    tags = tuple(str(t.tag) for t in kind.types if isinstance(t, inspect.StructType))
    help = (meta.extra_json_schema or {}).get("description", "") if meta else ""
    tag = str(value.__struct_config__.tag)
    return Field(key, "choice", title, help, tag, tag, group=title, choices=tags)


def _plain_field(
    key: str,
    kind: inspect.Type,
    meta: inspect.Metadata,
    value: Any,
    default: Any,
    spec: msgspec.Struct,
    group: str,
) -> Field:
    extra = meta.extra or {}
    text = meta.extra_json_schema or {}
    wanted = extra["shown_when"]
    name, choices = _kind(kind)
    return Field(
        key,
        name,
        text.get("title", key),
        text.get("description", ""),
        value,
        None if default is msgspec.NODEFAULT else default,
        extra["unit"],
        extra["empty"],
        group,
        extra["low"],
        extra["high"],
        choices,
        extra["logarithmic"],
        extra["advanced"],
        wanted is None or getattr(spec, wanted[0]) == wanted[1],
    )


def _kind(kind: inspect.Type) -> tuple[Kind, tuple[str, ...]]:
    match kind:
        case inspect.BoolType():
            return "switch", ()
        case inspect.IntType():
            return "integer", ()
        case inspect.FloatType():
            return "number", ()
        case inspect.LiteralType(values):
            return "choice", tuple(str(v) for v in values)
        case inspect.VarTupleType():
            return "numbers", ()
        case _:
            return "text", ()
