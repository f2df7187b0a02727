"""`film`: a scrub, a trajectory or a training as GIF or MP4."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.drawing import Theme, frames_drawn
from engine.cli.options import Model, Seed, Workspace
from engine.cli.output import Json, Telling, show
from engine.cli.samplers import (
    Gamma,
    Guidance,
    GuidanceFrom,
    GuidanceTo,
    KeepText,
    SolverOption,
    TimesOption,
    sampler_of,
)
from engine.cli.sources import (
    COUNTS,
    Carried,
    Count,
    Fan,
    From,
    Label,
    MixText,
    MovedText,
    SampleText,
    source_of,
)
from engine.cli.writing import check_out, facts_of, save_bytes
from engine.contract.commands import film_words
from engine.contract.errors import UserError
from engine.contract.films import FRAMES, RATES, Film, FilmKind
from engine.contract.learned import learned

app = typer.Typer()
_MOST = 1 << 29  # pixels of a whole film: what half a gigabyte of memory holds


@app.command()
def film(
    model: Model,
    workspace: Workspace,
    kind: Annotated[
        FilmKind,
        typer.Option(
            "--kind",
            help="scrub: (t, s) moves; trajectory: the state after each of --steps steps; "
            "training: the jump as each kept step of a run makes it.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The film: .gif, or .mp4.")],
    t: Annotated[float, typer.Option("--t", min=0, max=1, help="Where we stand.")] = 1.0,
    s: Annotated[float, typer.Option("--s", min=0, max=1, help="Where we jump.")] = 0.0,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Steps from t to s.")] = 1,
    frames: Annotated[int, typer.Option(min=2, max=FRAMES, help="Frames of a scrub.")] = 48,
    path: Annotated[
        str,
        typer.Option(
            help="Places t:s that a scrub passes, as 1:1,1:0.2,0.8:0; by default s goes from t to "
            "--s."
        ),
    ] = "",
    back: Annotated[bool, typer.Option("--back", help="A scrub goes back again.")] = False,
    fps: Annotated[float, typer.Option(min=0.5, max=60, help="Frames a second.")] = 12.0,
    size: Annotated[int, typer.Option(min=16, max=2048, help="Pixels of a side, about.")] = 512,
    from_: From = "noise",
    seed: Seed = 0,
    count: Count = None,
    label: Label = -1,
    sample: SampleText = "",
    carried: Carried = False,
    mix: MixText = "",
    moved: MovedText = None,
    fan: Fan = False,
    gamma: Gamma = None,
    times: TimesOption = "even",
    shares: Annotated[
        str,
        typer.Option(
            help="Times that each jump passes, as shares of its way: 0.2,0.6 with --steps 3."
        ),
    ] = "",
    solver: SolverOption = "heun",
    guidance: Guidance = None,
    guidance_from: GuidanceFrom = None,
    guidance_to: GuidanceTo = None,
    keep: KeepText = "",
    caption: Annotated[bool, typer.Option(help="Write t, s and the step under it.")] = True,
    theme: Theme = "dark",
    json: Json = False,
) -> None:
    """A film: of a scrub, of a trajectory, or of the training of a run."""
    from engine.exchange.film_file import LAST, check_encoder, gif, mp4
    from engine.explore.films import shots
    from engine.explore.models import load_model

    check_out(out, (".gif", ".mp4"))
    check_encoder(out.suffix)
    if fps > RATES[out.suffix[1:]]:
        raise UserError(f"A {out.suffix} shows {RATES[out.suffix[1:]]} frames a second at most.")
    loaded = load_model(model, workspace)
    guides = guidance, guidance_from, guidance_to
    sampler = sampler_of(
        learned(loaded.spec, loaded.info.step).method, gamma, times, solver, guides, keep
    )
    source = source_of(
        from_, seed, count or COUNTS[loaded.info.data.kind], label, sample, carried, mix, moved, fan
    )
    wanted = Film(
        kind,
        *(t, s, steps, source, sampler, _shares(shares), _path(path)),
        *(back, frames, fps, size, theme, caption),
    )
    total, made = shots(loaded, model, wanted)
    if total * size**2 > _MOST:
        raise UserError("The film would be too large; take fewer frames or a smaller --size.")
    with Telling(2 * total, json) as telling:
        found = []
        for shot in made:
            found.append(shot)
            telling.tell(len(found))
        if not found:
            raise UserError(f"{model} keeps none of its steps any more; try again.")
        draw = frames_drawn(wanted, found)
        last = found[-1]
        facts = facts_of(
            loaded,
            source,
            *(t, s, last.nfe, film_words(model, wanted), out),
            film=kind,
            frames=len(found),
            fps=fps,
            steps=steps,
        )
        write = gif if out.suffix == ".gif" else mp4
        content = write(
            map(draw, range(len(found))),
            fps,
            0.0 if back and kind == "scrub" else LAST,
            facts,
            lambda done: telling.tell(total + done),
        )
        save_bytes(out, content)
    row = {"wrote": str(out), "frames": len(found), "bytes": len(content)}
    show([{**row, "model": loaded.info.name}], json)


def _shares(text: str) -> tuple[float, ...]:
    """Shares of the way. Raises UserError."""
    try:
        return tuple(float(share) for share in text.split(",")) if text else ()
    except ValueError:
        raise UserError(f"--shares must be numbers between 0 and 1, not {text!r}.") from None


def _path(text: str) -> tuple[tuple[float, float], ...]:
    """Places (t, s). Raises UserError."""
    if not text:
        return ()
    try:
        found = []
        for place in text.split(","):
            t, s = (float(time) for time in place.split(":"))
            found.append((t, s))
    except ValueError:
        raise UserError(f"--path must be places t:s, as 1:1,1:0.2, not {text!r}.") from None
    if len(found) < 2 or not all(0 <= time <= 1 for place in found for time in place):
        raise UserError("--path needs two places at least, with times between 0 and 1.")
    return tuple(found)
