"""The command that makes an export again, from what is in hand."""

from typing import NamedTuple

from engine.contract import commands
from engine.contract.films import Film, FilmKind, ThemeName
from engine.contract.maps import MapKind
from engine.contract.plot import Plot
from engine.contract.source import Source
from studio.model.catalogue_model import CatalogueModel
from studio.model.explore_model import ExploreModel, run_of
from studio.model.map_model import MapModel
from studio.view.explore.export_choice import Choice, settings


class Hand(NamedTuple):
    """What is in hand: the models of the page, the picked picture, the theme, the plot."""

    explore: ExploreModel
    maps: MapModel
    catalogue: CatalogueModel
    picture: int
    theme: ThemeName
    plot: Plot = Plot()


def is_run(hand: Hand) -> bool:
    """Whether the model in hand is of a run; a shipped one is."""
    return not hand.explore.name.endswith(".safetensors")


def words_of(choice: Choice, hand: Hand) -> tuple[str, ...]:
    """The words behind `flowmap-engine`, without the file."""
    explore = hand.explore
    model = _model(hand)
    match choice.what:
        case "map":
            scale = choice.scale if "scale" in settings(choice.what, choice.format) else 1
            return tuple(_map(model, choice.map or "error", scale, choice, hand))
        case "scrub" | "trajectory" | "training":
            if choice.what == "training":
                model = run_of(explore.name)
            return tuple(commands.film_words(model, _film(choice, hand)))
    states = explore.states
    assert states is not None
    jump = commands.jump_words(
        model,
        states.source,
        states.t,
        states.s,
        states.steps,
        explore.sampler_between(states.t, states.s),
    )
    if choice.what == "arrays":
        return tuple(jump)
    png = choice.format == "PNG"
    plot = commands.plot_words(hand.plot) if choice.what == "plot" else []
    return (
        *jump,
        *plot,
        *commands.picture_words(
            "x_t" if choice.what == "x_t" else "x_s",
            hand.picture if choice.what == "picture" else -1,
            choice.scale if png else 1,
            choice.annotate and png,
            hand.theme,
        ),
    )


def _model(hand: Hand) -> str:
    """The model by a name that stays: of a run that of the step that is in hand."""
    explore = hand.explore
    if explore.name in hand.catalogue.models or not is_run(hand) or explore.model is None:
        return explore.name
    return f"{run_of(explore.name)}@{explore.model.step}"


def _map(model: str, kind: MapKind, scale: int, choice: Choice, hand: Hand) -> list[str]:
    source, other = hand.explore.source, hand.maps.other
    return commands.map_words(
        model,
        kind,
        Source("noise", source.seed, label=source.label),
        hand.maps.middle,
        other.name if other else "",
        scale=scale,
        theme=hand.theme if choice.format in ("PNG", "SVG") else "dark",
    )


def _film(choice: Choice, hand: Hand) -> Film:
    """A scrub goes from t to data, a trajectory from noise to data, a training stays at (t, s)."""
    explore = hand.explore
    steps = choice.steps if choice.what == "trajectory" else explore.steps
    shares = explore.shares if len(explore.shares) == steps - 1 else ()
    moves: dict[str, tuple[FilmKind, float, float, int]] = {
        "scrub": ("scrub", explore.t, 0.0, explore.steps),
        "trajectory": ("trajectory", 1.0, 0.0, choice.steps),
        "training": ("training", explore.t, explore.s, explore.steps),
    }
    return Film(
        *moves[choice.what],
        explore.source,
        explore.sampler,
        shares=shares,
        back=choice.back,
        frames=choice.frames,
        fps=choice.fps,
        size=choice.size,
        theme=hand.theme,
        caption=choice.caption,
    )
