"""The form: a spec that is edited, with undo, beside the texts that are no values yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import DataSet, data_problems
from engine.contract.lineage import changes, start_problems
from engine.contract.schema import Difference, Field, SpecError, fields, with_value
from engine.contract.specs import MLP, Data, MeanFlow, Problem, RunSpec, problems
from studio.model.catalogue_model import CatalogueModel
from studio.model.origin import Origin

FIRST_PRESET = "points-meanflow"
HISTORY = 500


@dataclass(frozen=True)
class _State:
    """One point of the history; `bad` holds texts that are no values, with the reason."""

    spec: RunSpec
    bad: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class FormModel(QObject):
    """A spec under edit; every change, also of a bad text, can be undone."""

    changed = Signal()

    def __init__(
        self,
        catalogue: CatalogueModel,
        parent: QObject | None = None,
        origin: Origin | None = None,
    ) -> None:
        """`origin` finds what a run is to start from; without it, the engine alone knows."""
        super().__init__(parent)
        self._catalogue, self._origin = catalogue, origin
        self._past: list[_State] = []
        self._now = _State(RunSpec(Data("eight-gaussians"), MeanFlow(), MLP()))
        self._future: list[_State] = []
        self._edited: str | None = None  # the key whose edits still merge
        self._untouched = True
        catalogue.changed.connect(self._on_catalogue)
        if origin is not None:
            self.changed.connect(lambda: origin.follow(self.spec.start))
            origin.changed.connect(self.changed)

    @property
    def spec(self) -> RunSpec:
        """The spec, whole at any time."""
        return self._now.spec

    @property
    def preset_name(self) -> str:
        """The preset that the spec began from, "" if none."""
        return self.spec.preset

    @property
    def modified(self) -> bool:
        """Whether the spec differs from its preset."""
        return self._preset_spec() != self.spec

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self._future)

    def text(self, key: str) -> str | None:
        """The bad text that stands in the field, None where its value is good."""
        return self._now.bad[key][0] if key in self._now.bad else None

    def fields(self) -> list[Field]:
        """The fields in reading order; `default` is what `reset` returns to."""
        preset = self._preset_spec()
        defaults = {f.key: f.value for f in fields(preset)} if preset else {}
        found = [_with_default(f, defaults) for f in fields(self.spec)]
        return [self._as_choice(f) if f.key == "data.name" else f for f in found]

    def problems(self) -> list[Problem]:
        """Why the spec cannot start, in the order of the fields; [] when it can."""
        bad = self._now.bad
        found = [Problem(key, reason) for key, (_, reason) in bad.items()]
        data = self._catalogue.data_set(self.spec.data.name)
        found += [p for p in problems(self.spec, data.kind if data else "") if p.key not in bad]
        found += self._data_problems(data)
        found += [p for p in self._start_problems(data) if p.key not in bad]
        order = {f.key: n for n, f in enumerate(fields(self.spec))}
        return sorted(found, key=lambda p: order.get(p.key, len(order)))

    def changes(self) -> list[Difference] | None:
        """What the run would do otherwise than what it starts from; None: not known."""
        if self._origin is None or self._origin.spec is None:
            return None
        return changes(self._origin.spec, self.spec)

    def look_again(self) -> None:
        """What the run is to start from may be there by now."""
        if self._origin is not None:
            self._origin.again()

    def set(self, key: str, value: Any) -> None:
        """Change a field; a value that it cannot take is kept beside and becomes a problem."""
        bad = {k: v for k, v in self._now.bad.items() if k != key}
        try:
            spec = with_value(self.spec, key, value)
        except SpecError as error:
            spec, bad = self.spec, {**bad, key: (str(value), str(error))}
        known = {f.key for f in fields(spec) if f.shown}
        state = _State(spec, {k: v for k, v in bad.items() if k in known})
        self._push(state, key)

    def commit(self) -> None:
        """End the run of edits that undo takes back in one go (the field was left)."""
        self._edited = None

    def reset(self, key: str) -> None:
        """Put a field back to its preset's value (or the method's own default)."""
        self.commit()
        self.set(key, next(f.default for f in self.fields() if f.key == key))
        self.commit()

    def choose_preset(self, name: str) -> None:
        """Start over from a preset; raises KeyError for an unknown one."""
        preset = self._catalogue.preset(name)
        if preset is None:
            raise KeyError(name)
        self.set_spec(preset.spec)

    def set_spec(self, spec: RunSpec) -> None:
        """Put a whole spec (of a preset, a file, a run) into the form."""
        self.commit()
        self._push(_State(spec), None)

    def undo(self) -> None:
        """Take the last change back."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Do again what was undone."""
        self._step(self._future, self._past)

    def _step(self, source: list[_State], target: list[_State]) -> None:
        if not source:
            return
        self.commit()
        target.append(self._now)
        self._now = source.pop()
        self.changed.emit()

    def _push(self, state: _State, key: str | None) -> None:
        if state == self._now:
            return
        if key is None or key != self._edited:
            self._past = [*self._past, self._now][-HISTORY:]
        self._now, self._edited, self._untouched = state, key, False
        self._future.clear()
        self.changed.emit()

    def _on_catalogue(self) -> None:
        first = self._catalogue.preset(FIRST_PRESET)
        if first and self._untouched:
            self._now, self._untouched = replace(self._now, spec=first.spec), False
        self.changed.emit()

    def _preset_spec(self) -> RunSpec | None:
        preset = self._catalogue.preset(self.spec.preset)
        return preset.spec if preset else None

    def _as_choice(self, field: Field) -> Field:
        """`data.name` with the data sets that suit the network."""
        kind = "points" if isinstance(self.spec.network, MLP) else "images"
        names = [d.name for d in self._catalogue.data if d.kind == kind]
        names += [] if field.value in names else [field.value]
        return msgspec.structs.replace(field, kind="choice", choices=tuple(names))

    def _data_problems(self, data: DataSet | None) -> list[Problem]:
        if data is None:
            text = f"The data set {self.spec.data.name!r} is not here: import it or choose another."
            return [Problem("data.name", text)] if self._catalogue.data else []
        return data_problems(self.spec, data)

    def _start_problems(self, data: DataSet | None) -> list[Problem]:
        origin = self._origin
        if origin is None or not self.spec.start:
            return []
        if origin.problem:
            return [Problem("start", origin.problem)]
        if origin.spec is None:
            return []
        learned = self._catalogue.data_set(origin.spec.data.name)
        return start_problems(self.spec, data, origin.spec, learned)


def _with_default(field: Field, defaults: Mapping[str, Any]) -> Field:
    return msgspec.structs.replace(field, default=defaults.get(field.key, field.default))
