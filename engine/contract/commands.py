"""The words of the command line that make something again: one place for window and engine."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Literal

from engine.contract.films import Film, ThemeName
from engine.contract.maps import MapKind
from engine.contract.messages import Keep, Sampler
from engine.contract.plot import USUAL as PLOTTED
from engine.contract.plot import Plot
from engine.contract.source import Mix, Moved, Sample, Source

PROGRAM = "flowmap-engine"
USUAL = Sampler()
Shown = Literal["x_s", "x_t"]


def shell(words: Iterable[str], out: str = "", workspace: str = "") -> str:
    """One line for a shell."""
    more = [*(("--out", out) if out else ()), *(("--workspace", workspace) if workspace else ())]
    return shlex.join([PROGRAM, *words, *more])


def remembered(words: Iterable[str], out: str) -> str:
    """The line that a file keeps of the command that made it: no folder of anybody's goes in."""
    return shell(words, PurePath(out).name)


def source_words(source: Source) -> list[str]:
    """The options of a source; what is as usual is left out, but for seed and count."""
    usual, words = Source(), []
    if source.kind != usual.kind:
        words += ["--from", source.kind]
    if source.sample:
        words += ["--sample", sample_text(source.sample)]
        words += ["--carried"] if source.sample.way == "carried" else []
    words += ["--carried"] if source.kind == "data" and source.way == "carried" else []
    words += ["--fan"] if source.fan else []
    words += ["--seed", str(source.seed)]
    if source.mix:
        words += ["--mix", mix_text(source.mix)]
    for moved in source.moved:
        words += ["--moved", moved_text(moved)]
    words += ["--count", str(source.count)]
    return words + (["--label", str(source.label)] if source.label != usual.label else [])


def sample_text(sample: Sample) -> str:
    """One sample as the option --sample takes it: 12, held-out:12, picture:NAME or point:X,Y."""
    if sample.point:
        return f"point:{_numbers(sample.point)}"
    if sample.picture:
        return f"picture:{sample.picture}"
    return f"held-out:{sample.index}" if sample.held_out else str(sample.index)


def mix_text(mix: Mix) -> str:
    """A mix of seeds as the option --mix takes it: 3,4@0.25 or 1,2,3,4@0.25,0.5."""
    place = (mix.x, mix.y) if mix.y else (mix.x,)
    return f"{','.join(map(str, mix.seeds))}@{_numbers(place)}"


def moved_text(moved: Moved) -> str:
    """What a hand moved as the option --moved takes it: INDEX@X,Y."""
    return f"{moved.index}@{_numbers((moved.x, moved.y))}"


def sampler_words(sampler: Sampler) -> list[str]:
    """The options of a sampler; what is as usual is left out."""
    words: list[str] = []
    if sampler.gamma is not None:
        words += ["--gamma", number(sampler.gamma)]
    if sampler.solver != USUAL.solver:
        words += ["--solver", sampler.solver]
    if sampler.times != USUAL.times:
        passed = sampler.times
        text = passed if isinstance(passed, str) else _numbers(passed)
        words += ["--times", text]
    for name in ("guidance", "guidance_from", "guidance_to"):
        if (value := getattr(sampler, name)) is not None:
            words += [f"--{name.replace('_', '-')}", number(value)]
    if sampler.keep:
        words += ["--keep", keep_text(sampler.keep)]
    return words


def keep_text(keep: Keep) -> str:
    """What is kept as the option --keep takes it: outside:L,T,R,B, brightness or coarse:4."""
    if keep.kind == "outside":
        return f"outside:{_numbers(keep.box)}"
    return f"coarse:{keep.factor}" if keep.kind == "coarse" else keep.kind


def jump_words(
    model: str, source: Source, t: float, s: float, steps: int = 1, sampler: Sampler = USUAL
) -> list[str]:
    """The words of one jump."""
    count = ["--steps", str(steps)] if steps != 1 else []
    times = ["--t", number(t), "--s", number(s)]
    return ["jump", model, *times, *count, *source_words(source), *sampler_words(sampler)]


def sample_words(model: str, source: Source, nfe: int, sampler: Sampler) -> list[str]:
    """The words of samples from pure noise; of a source seed, count and label count."""
    label = ["--label", str(source.label)] if source.label != Source().label else []
    words = ["sample", model, "--n", str(source.count), "--nfe", str(nfe)]
    return [*words, "--seed", str(source.seed), *label, *sampler_words(sampler)]


def picture_words(
    shown: Shown = "x_s",
    picture: int = -1,
    scale: int = 1,
    caption: bool = False,
    theme: ThemeName = "dark",
) -> list[str]:
    """How a jump is drawn: which state, which of its pictures (-1: all), how large."""
    words = ["--show", shown] if shown != "x_s" else []
    words += ["--picture", str(picture + 1)] if picture >= 0 else []
    words += ["--scale", str(scale)] if scale != 1 else []
    words += ["--caption"] if caption else []
    return words + (["--theme", theme] if theme != "dark" else [])


def plot_words(plot: Plot) -> list[str]:
    """What a plot of points shows; what is as usual is left out."""
    words = ["--draw", ",".join(plot.layers)] if plot.layers != PLOTTED else []
    for name in plot.beside:
        words += ["--beside", name]
    return words + (["--window", _numbers(plot.window)] if plot.window else [])


def map_words(
    model: str,
    kind: MapKind,
    source: Source,
    middle: float = 0.5,
    other: str = "",
    parts: int = 0,
    scale: int = 1,
    theme: ThemeName = "dark",
) -> list[str]:
    """The words of a map over (t, s); of a source only seed and label count."""
    words = ["map", model, "--kind", kind, "--seed", str(source.seed)]
    words += ["--label", str(source.label)] if source.label != Source().label else []
    words += ["--middle", number(middle)] if kind == "defect" else []
    words += ["--other", other] if kind == "distance" else []
    words += ["--parts", str(parts)] if parts else []
    words += ["--scale", str(scale)] if scale != 1 else []
    return words + (["--theme", theme] if theme != "dark" else [])


def film_words(model: str, film: Film) -> list[str]:
    """The words of a film."""
    words = ["film", model, "--kind", film.kind, "--t", number(film.t), "--s", number(film.s)]
    words += ["--steps", str(film.steps)] if film.steps != 1 else []
    words += [*source_words(film.source), *sampler_words(film.sampler)]
    words += ["--shares", _numbers(film.shares)] if film.shares else []
    if film.kind == "scrub":
        words += ["--frames", str(film.frames)]
        words += ["--path", path_text(film.path)] if film.path else []
        words += ["--back"] if film.back else []
    words += ["--fps", number(film.fps), "--size", str(film.size), "--theme", film.theme]
    return words + ([] if film.caption else ["--no-caption"])


def path_text(path: Sequence[tuple[float, float]]) -> str:
    """Places (t, s) as the option --path takes them: `1:1,1:0`."""
    return ",".join(f"{number(t)}:{number(s)}" for t, s in path)


def _numbers(values: Iterable[float]) -> str:
    return ",".join(map(number, values))


def number(value: float) -> str:
    """A number as short as it can be said without losing a bit."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))
