"""Times t and s in numbers and words. 0 is data, 1 is noise; the trained triangle is s <= t."""

from engine.contract.catalogue import Capability, Model
from engine.contract.legality import How, ladder

STEP, LEAP = 0.01, 0.1  # one press of an arrow key; with Shift
CORNER = (1.0, 0.0)  # from noise to data in one step

BADGES: dict[Capability, str] = {
    "flow map": "Learned as a flow map: any jump from t to an earlier s is one evaluation.",
    "velocity": "Knows the velocity only: a jump is an integration, so more steps are truer.",
    "endpoint": "Learned for jumps to s = 0 only: other jumps denoise and add noise again.",
    "dyadic": "Learned for steps of halving length: other jumps are put together from those.",
}

DONE: dict[How, str] = {
    "stay": "Nothing moves.",
    "jump": "One jump.",
    "composed": "Several jumps, one after the other.",
    "re-noise": "Noise was added: xₛ is right in law, but not on the path of xₜ.",
    "ODE": "The velocity was integrated.",
}


def settled(time: float) -> float:
    """A time in [0, 1] with the three decimals that the window shows."""
    return round(min(1.0, max(0.0, time)), 3)


def sigma_text(time: float) -> str:
    """The noise level sigma = t / (1 - t) in three figures."""
    return "σ = ∞" if time >= 1 else f"σ = {time / (1 - time):.3g}"


def meaning(t: float, s: float, model: Model | None = None) -> str:
    """What a jump from t to s is for this model, in one line."""
    if s == t:
        return "the identity: nothing moves"
    match model.capability if model else "":
        case "velocity" if s > t:
            return "towards noise: the ODE backwards"
        case "endpoint" if s > 0:
            return f"denoise, then add noise up to {sigma_text(s)}"
        case "dyadic" if model and s < t:
            return _composed(len(ladder(t, s, 1, model.grid)) - 1)
    if s > t:
        return "towards noise: outside the trained triangle"
    if (t, s) == CORNER:
        return "all the way from noise to data"
    if s == 0:
        return f"the rest of the way to data from t = {t:.3f}"
    if t == 1:
        return f"from pure noise down to s = {s:.3f}"
    return f"from noise level {sigma_text(t)[4:]} down to {sigma_text(s)[4:]}"


def _composed(steps: int) -> str:
    return "one step that was learned" if steps == 1 else f"composed of {steps} learned steps"
