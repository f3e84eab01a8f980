"""Student's t distribution from the standard library alone, so that gates need no numerical packages."""

from __future__ import annotations

import math
from collections.abc import Callable

_CONVERGED = 1e-15
_TINY = 1e-300
_MOST_TERMS = 10_000
_BISECTIONS = 200


def student_t_tail(t: float, *, degrees: float) -> float:
    """P(|T| >= |t|) for Student's t with `degrees` of freedom (any number above 0): the two-sided p-value.

    The tail is the incomplete beta function at degrees/(degrees + t²), see DLMF 8.17 and Abramowitz & Stegun 26.7.1.
    """
    if math.isinf(t):
        return 0.0
    return _incomplete_beta(degrees / (degrees + t * t), a=degrees / 2, b=0.5)


def student_t_quantile(tail: float, *, degrees: float) -> float:
    """The t >= 0 that |T| exceeds with probability `tail`, in (0, 1]: the two-sided critical value."""
    if not 0 < tail <= 1:
        raise ValueError(f"a tail probability is above 0 and at most 1, not {tail}")
    upper = 1.0
    while student_t_tail(upper, degrees=degrees) > tail:
        upper *= 2
    return root(lambda t: tail - student_t_tail(t, degrees=degrees), lower=0.0, upper=upper)


def root(rising: Callable[[float], float], *, lower: float, upper: float) -> float:
    """Where a function that does not fall turns positive, between two bounds, by bisection."""
    for _ in range(_BISECTIONS):
        middle = (lower + upper) / 2
        if middle in (lower, upper):
            break
        if rising(middle) > 0:
            upper = middle
        else:
            lower = middle
    return (lower + upper) / 2


def _incomplete_beta(x: float, *, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        # The fraction converges fast on this side only; I_x(a, b) = 1 - I_{1-x}(b, a) (DLMF 8.17.4).
        return 1.0 - _incomplete_beta(1 - x, a=b, b=a)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(logarithm) / (a * _continued_fraction(x, a=a, b=b))


def _continued_fraction(x: float, *, a: float, b: float) -> float:
    """DLMF 8.17.22, evaluated by the modified Lentz method (Thompson & Barnett 1986)."""
    value, numerator, denominator = 1.0, 1.0, 0.0
    for term in range(1, _MOST_TERMS):
        coefficient = _coefficient(term, x=x, a=a, b=b)
        denominator = 1 + coefficient * denominator
        denominator = 1 / (denominator if abs(denominator) > _TINY else _TINY)
        numerator = 1 + coefficient / numerator
        numerator = numerator if abs(numerator) > _TINY else _TINY
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _CONVERGED:
            break
    return value


def _coefficient(term: int, *, x: float, a: float, b: float) -> float:
    half = term // 2
    if term % 2 == 0:
        return half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
    return -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
