"""What each method regresses, as an equation in the deck's words, and what its terms are.

Rich text with sub- and superscripts, on the common clock: t where we stand, s where we jump to,
x_t = (1 - t) data + t noise, and the jump x_s = x_t + (s - t) u. `sg` stops the gradient.
"""

from typing import Literal

from msgspec import Struct

Shape = Literal["state", "velocity", "number"]


class Term(Struct, frozen=True):
    """A term by the name that the objectives tell: its `symbol`, and `meaning` in one line."""

    key: str
    symbol: str
    meaning: str
    shape: Shape = "state"


class Equation(Struct, frozen=True):
    """The loss of a method, one line of rich text, and its terms in the order of reading."""

    loss: str
    terms: tuple[Term, ...]


_XT, _XS, _XQ = (f"<b>x</b><sub>{time}</sub>" for time in "tsq")
_U, _V = "<b>u</b><sub>θ</sub>", "<b>v</b><sub>θ</sub>"
_F = "<b>f</b><sub>θ</sub>"
_JUMP, _HERE = f"{_U}({_XT}, t, s)", f"{_V}({_XT}, t)"
_SG = "<i>sg</i>"
_E = "<i>L</i>(θ) = <b>E</b> "


def _norm(inside: str) -> str:
    return f"|| {inside} ||<sup>2</sup>"


_DATA = (
    Term("data", "data", "A sample of the data set: x at t = 0."),
    Term("noise", "noise", "Standard normal numbers: x at t = 1."),
    Term("t", "t", "Where we stand, drawn as the method draws it.", "number"),
    Term("s", "s", "Where we jump to; s = t means a velocity, s = 0 an end.", "number"),
    Term("x_t", _XT, "(1 − t) data + t noise: what the network sees."),
)
_X_S = Term("x_s", _XS, "The state at s on the same way, nearer to the data.")
_SLOPE = Term("v", "<b>v</b>", "Velocity of this sample's own line: noise − data.", "velocity")
_DU = Term(
    "du",
    "d<b>u</b>/dt",
    "How u changes along the way, by forward-mode differentiation (JVP); none where s = t.",
    "velocity",
)
_SCORE = (
    Term("distance", "distance", "How far answer and target lie apart, before weight.", "number"),
    Term("weight", "weight", "What the distance of this sample is multiplied with.", "number"),
    Term("offset", "w", "The learned logarithm of the weight, taken off.", "number"),
    Term("loss", "loss", "The share of this sample; their mean is trained.", "number"),
)
_OTHER = (
    Term("t_v", "t′", "The time of the second loss, drawn on its own.", "number"),
    Term("x_v", "<b>x</b><sub>t′</sub>", "The state of the second loss."),
    Term(
        "answer_v", f"{_V}(<b>x</b><sub>t′</sub>)", "The velocity of the second loss.", "velocity"
    ),
    Term("target_v", "<b>v</b>′", "Its target: noise − data.", "velocity"),
    Term("distance_v", "distance′", "How far these two lie apart.", "number"),
    Term("weight_v", "weight′", "What that is multiplied with.", "number"),
)


def _equation(loss: str, answer: Term, target: Term, *own: Term, more: bool = False) -> Equation:
    others = _OTHER if more else ()
    return Equation(_E + loss, (*_DATA, *own, answer, target, *others, *_SCORE))


def _answer(symbol: str, meaning: str, shape: Shape = "velocity") -> Term:
    return Term("answer", symbol, meaning, shape)


def _target(symbol: str, meaning: str, shape: Shape = "velocity") -> Term:
    return Term("target", symbol, f"{meaning} No gradient flows through it.", shape)


_MEAN = _answer(_JUMP, "The network's average velocity from t to s.")
_NOW = _answer(_HERE, "The network's velocity at t: u with s = t.")
_END = _answer(f"{_F}({_XT}, t)", "Where the network thinks that this way ends: x − t u.", "state")
_PARTS = (
    Term("first", f"<b>u</b>({_XT}, t, q)", "The network's first part of the way.", "velocity"),
    Term("q", "q", "Where the way is cut in two.", "number"),
    Term("x_q", _XQ, "Where the first part ends."),
    Term("second", f"<b>u</b>({_XQ}, q, s)", "The network's second part.", "velocity"),
)
_HALVES = "(q−t)/(s−t) " + f"<b>u</b>({_XT}, t, q) + (s−q)/(s−t) <b>u</b>({_XQ}, q, s)"
_VELOCITY = _equation(
    _norm(f"{_HERE} − <b>v</b>") + ",&nbsp; <b>v</b> = noise − data",
    _NOW,
    _target("<b>v</b>", "noise − data, the velocity of this sample's line."),
)
_EDM = _equation(
    f"w(t) {_norm(f'{_HERE} − <b>v</b>')},&nbsp; w = t<sup>2</sup>/σ<sub>d</sub><sup>2</sup>"
    " + (1 − t)<sup>2</sup>",
    _NOW,
    _target("<b>v</b>", "noise − data; with this weight it is EDM's loss of the denoiser."),
)
_PAIRS = _equation(
    f"w d( {_F}({_XT}, t), {_SG} {_F}({_XS}, s) ),&nbsp; {_F} = <b>x</b> − t {_U}",
    _END,
    _target(f"{_F}({_XS}, s)", "The end from the state a little nearer to the data.", "state"),
    _X_S,
)
_TANGENT = _equation(
    f"w {_norm(f'{_HERE} − {_SG}( {_V} + <b>g</b> )')},&nbsp; <b>g</b> ∝ d{_F}/dt"
    f" = <b>v</b> − {_U} − t d<b>u</b>/dt",
    _NOW,
    _target(f"{_V} + <b>g</b>", "The answer itself, moved by the tangent g.", "velocity"),
    _SLOPE,
    _DU,
    Term("g", "<b>g</b>", "The tangent, its length bounded: how the end still moves.", "velocity"),
)
_SPLIT = _equation(_norm(f"{_JUMP} − {_SG}[ {_HALVES} ]"), _MEAN, _target(
    "target", "The mean of both parts; v where s = t, or at the smallest step."
), _SLOPE, *_PARTS)  # fmt: skip
_X_END = Term("x_s", _XS, "Where the network's jump ends.")
_DU_DS = Term("du", "d<b>u</b>/ds", "How u changes with s, by forward-mode differentiation.",
              "velocity")  # fmt: skip
_SPEED = _answer(f"d{_XS}/ds", "How the end moves with s; where s = t the velocity u itself.")
_MEET = f"{_norm(f'd{_XS}/ds − {_SG} {_V}({_XS}, s)')}"
_LANDS = _target(f"{_V}({_XS}, s)", "The network's velocity at the end; v where s = t.")

EQUATIONS: dict[str, Equation] = {
    "fm": _VELOCITY,
    "reflow": _VELOCITY,
    "edm": _EDM,
    "pd": _equation(
        f"w {_norm(f'{_HERE} − {_SG} ½(<b>v</b><sub>1</sub> + <b>v</b><sub>2</sub>)')}",
        _NOW,
        _target("½(<b>v</b><sub>1</sub> + <b>v</b><sub>2</sub>)", "Two half steps of the teacher."),
    ),
    "cd": _PAIRS,
    "ct": _PAIRS,
    "ict": _PAIRS,
    "ecm": _PAIRS,
    "sct": _TANGENT,
    "scd": _TANGENT,
    "cmt": _equation(
        f"d( {_F}({_XT}, t), <b>x</b><sub>0</sub> )&nbsp; or&nbsp; d( {_JUMP}, "
        f"({_XT} − {_XS})/(t − s) )",
        _answer(f"{_F} or {_U}", "The network's end, or its average velocity.", "state"),
        _target("target", "The end of the teacher's way, or its mean slope.", "state"),
        _X_S,
    ),
    "ctm": _equation(
        f"d( G(G({_XT}, t, s), s, 0), {_SG} G(G(<b>x</b><sub>u</sub>, u, s), s, 0) ) + λ w′ "
        f"{_norm(f'{_V}(<b>x</b><sub>t′</sub>, t′) − <b>v</b>′')},&nbsp; G the jump",
        _answer(f"G({_XS}, s, 0)", "Where the student's jump ends, carried on to 0.", "state"),
        _target("G(G(<b>x</b><sub>u</sub>))", "The same from the teacher's state at u.", "state"),
        Term("u", "u", "How far the teacher goes.", "number"),
        Term("x_u", "<b>x</b><sub>u</sub>", "Where the teacher's solver leads from x at t."),
        _X_END,
        more=True,
    ),
    "shortcut": _SPLIT,
    "psd": _SPLIT,
    "meanflow": _equation(
        f"w {_norm(f'{_JUMP} − {_SG}[ <b>v</b> + (s − t) d<b>u</b>/dt ]')}",
        _MEAN,
        _target("<b>u</b><sub>target</sub>", "v + (s − t) du/dt, the MeanFlow identity."),
        _SLOPE,
        _DU,
    ),
    "imf": _equation(
        f"w {_norm(f'{_JUMP} + (t − s) {_SG}[ d<b>u</b>/dt ] − <b>v</b>')}",
        _MEAN,
        _target("<b>u</b><sub>target</sub>", "v + (s − t) du/dt, with du/dt along its own v."),
        _SLOPE,
        Term("along", _V, "The network's own velocity, along which du/dt is taken.", "velocity"),
        _DU,
        more=True,
    ),
    "alphaflow": _equation(
        f"w {_norm(f'{_JUMP} − {_SG}[ α <b>v</b> + (1 − α) <b>u</b>({_XQ}, q, s) ]')}",
        _MEAN,
        _target("target", "α of the way along v, the rest by the network; MeanFlow's at α = 0."),
        _SLOPE,
        _DU,
        *_PARTS[1:],
    ),
    "lsd": _equation(
        f"{_MEET}&nbsp; and&nbsp; {_norm(f'{_HERE} − <b>v</b>')}",
        _SPEED, _LANDS, _SLOPE, _X_END, _DU_DS,
    ),
    "tvm": _equation(
        f"{_MEET} + {_norm(f'{_V}(<b>x</b><sub>t′</sub>, t′) − <b>v</b>′')}",
        _SPEED, _LANDS, _X_END, _DU_DS, more=True,
    ),
}  # fmt: skip
