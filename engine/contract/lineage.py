"""What a run starts from: which weights fit it, and how that is said.

`start` of a spec is a model: RUN@STEP, a run (its newest step), a shipped model or a model file.
The first weights of the new run are the average that is shown of it; all else begins anew.
"""

from collections.abc import Iterator

from engine.contract.catalogue import DataSet
from engine.contract.learned import heads
from engine.contract.schema import Difference, differences, said
from engine.contract.specs import Problem, RunSpec

_HEADS = {
    "velocity": ("velocity_head", "Auxiliary velocity head"),
    "guided": ("guidance", "Chosen guidance"),
}


def parted(name: str) -> tuple[str, int | None]:
    """The run and the step of a model that is called RUN@STEP, else its own name and None."""
    run, _, step = name.rpartition("@")
    return (run, int(step)) if run and step.isdecimal() else (name, None)


def origin(start: str) -> str:
    """A start in words: `RUN at step 600`."""
    run, step = parted(start)
    return run if step is None else f"{run} at step {step:,}"


def start_problems(
    spec: RunSpec, data: DataSet | None, parent: RunSpec, learned: DataSet | None
) -> list[Problem]:
    """Why a run of `spec` on `data` cannot start from a model of `parent` that `learned` that data.

    One problem that names all that differs; [] where the weights fit. A data set that is not known
    here is left to the engine.
    """
    if data and learned and data.shape != learned.shape:
        shapes = [" x ".join(map(str, known.shape)) for known in (learned, data)]
        text = (
            f"{spec.start} makes samples of {shapes[0]} numbers and {data.name} has {shapes[1]}; "
            "choose data of the same shape, or start from new weights."
        )
        return [Problem("data.name", text)]
    found = list(_unlike(spec, data, parent, learned))
    if not found:
        return []
    listed = ", ".join(f"{d.label} {said(d.before)} instead of {said(d.after)}" for d in found)
    text = f"{spec.start} has another network: {listed}"
    return [Problem(found[0].key, f"{text}; set the same here, or start from new weights.")]


def changes(parent: RunSpec, spec: RunSpec) -> list[Difference]:
    """What a run does otherwise than the one that it starts from."""
    return [found for found in differences(parent, spec) if found.key != "start"]


def _unlike(
    spec: RunSpec, data: DataSet | None, parent: RunSpec, learned: DataSet | None
) -> Iterator[Difference]:
    """What decides which weights a network has, and differs. Dropout has none."""
    for part in ("network", "parameterisation"):
        before, after = getattr(parent, part), getattr(spec, part)
        kinds = [str(one.__struct_config__.tag) for one in (before, after)]
        if kinds[0] != kinds[1]:
            yield Difference(part, part.capitalize(), *kinds)
            continue
        for one in differences(before, after):
            if one.key != "dropout":
                yield Difference(f"{part}.{one.key}", one.label, one.before, one.after)
    if parent.data.labels != spec.data.labels:
        yield Difference("data.labels", "Labels", parent.data.labels, spec.data.labels)
    elif spec.data.labels and data and learned and len(data.labels) != len(learned.labels):
        yield Difference("data.name", "Labels", len(learned.labels), len(data.labels))
    asked = heads(spec)
    for name, wanted in heads(parent).items():
        if wanted != asked[name]:
            field, label = _HEADS[name]
            key = f"method.{field}" if hasattr(spec.method, field) else "method"
            yield Difference(key, label, wanted, asked[name])
