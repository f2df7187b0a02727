"""Times to pass on the way from noise to data, on the common clock."""

import math

from engine.contract.errors import UserError

LOW, HIGH, RHO = 0.002, 80.0, 7.0  # sigma at the ends, and how it falls (EDM, arXiv 2206.00364)


def karras(t: float, s: float, steps: int) -> list[float]:
    """`steps` + 1 times from `t` to `s`, both exactly, between which sigma^(1/7) falls evenly.

    EDM's grid (equation 5): it runs from sigma 80 to 0.002, and one more step leads to 0. Ends
    beyond that are taken for it; a way towards noise is the same one backwards.
    """
    if t < s:
        return karras(s, t, steps)[::-1]
    high, low = (_sigma(time) for time in (t, s))
    last = steps if low > 0.999 * LOW else steps - 1
    roots = [min(max(sigma, LOW), HIGH) ** (1 / RHO) for sigma in (high, low)]
    between = [roots[0] + k / max(1, last) * (roots[1] - roots[0]) for k in range(1, steps)]
    return [t, *(min(max(_time(root**RHO), s), t) for root in between), s]


def _sigma(time: float) -> float:
    return time / (1 - time) if time < 1 else math.inf


def _time(sigma: float) -> float:
    return sigma / (1 + sigma)


# Where papers stop on the way to data in two steps, for pictures of deviation 0.5.
_ENDS = _time(HIGH), _time(LOW)
MIDDLES = {
    "cd": karras(*_ENDS, 39)[22],  # of levels 0 to 39, ImageNet (openai/consistency_models)
    "ct": karras(*_ENDS, 200)[106],  # of levels 0 to 200, there
    "ecm": _time(0.821),  # sigma, CIFAR-10 (arXiv 2406.14548)
    "scd": _time(0.5 * math.tan(1.1)),  # sigma = 0.5 tan t', t' = 1.1 (arXiv 2410.11081)
    "sct": _time(0.5 * math.tan(1.1)),
    "cmt": _time(0.7757),  # sigma, CIFAR-10 (sony/cmt, arXiv 2509.24526)
}


def middle(method: str) -> float:
    """The middle time of a method's own two-step sampler. Raises UserError where it has none."""
    if method not in MIDDLES:
        known = ", ".join(MIDDLES)
        raise UserError(f"Only {known} have a middle time of their own; {method} takes any times.")
    return MIDDLES[method]
