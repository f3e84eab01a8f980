"""Repeated speed measurements: Welch's interval for the ratio of two sets, and the change that repeats can see."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from flows.check_model.distributions import student_t_quantile, student_t_tail
from flows.check_model.paired import POWER

LEAST_REPEATS = 3
"""Two repeats give one degree of freedom, and an interval twelve standard deviations wide to each side."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How a speed changed: the ratio of geometric means, now to then.

    Attributes:
        value: the ratio; 1 is no change.
        lower: lower end of its interval.
        upper: upper end of its interval.
        p_value: two-sided, of "the ratio is 1".
        error: standard error of the ratio's logarithm.
        degrees: degrees of freedom.
    """

    value: float
    lower: float
    upper: float
    p_value: float
    error: float
    degrees: float


def compare_repeats(*, before: Sequence[float], after: Sequence[float], confidence: float) -> Ratio:
    """Compare two sets of repeats by Welch's t on logarithms (Welch 1947, Biometrika 34:28-35).

    The unit is a repeat, never a request: requests of one repeat share its queue and are not independent (Georges,
    Buytaert & Eeckhout 2007, OOPSLA: "Statistically rigorous Java performance evaluation"). Logarithms, because
    speeds are positive, their noise is proportional, and the interval is then one of the ratio. Student's t and not
    a bootstrap: of three values there are ten different resamples, whose percentile interval covers far too little.

    Args:
        before: the baseline's repeats, at least three, all positive, in any unit.
        after: this run's repeats, in the same unit.
        confidence: of the interval, for example 0.95.

    Raises:
        ValueError: there are too few repeats, or one is not positive.
    """
    if min(len(before), len(after)) < LEAST_REPEATS:
        raise ValueError(f"{min(len(before), len(after))} repeats are too few; an interval needs {LEAST_REPEATS}")
    if not all(value > 0 and math.isfinite(value) for value in (*before, *after)):
        raise ValueError("a speed is not positive")
    old, new = [math.log(value) for value in before], [math.log(value) for value in after]
    change = statistics.fmean(new) - statistics.fmean(old)
    parts = statistics.variance(old) / len(old), statistics.variance(new) / len(new)
    error = math.sqrt(sum(parts))
    degrees = _degrees(parts, sizes=(len(old), len(new)))
    width = student_t_quantile(1 - confidence, degrees=degrees) * error
    return Ratio(
        value=math.exp(change),
        lower=math.exp(change - width),
        upper=math.exp(change + width),
        p_value=student_t_tail(change / error, degrees=degrees) if error else float(change == 0),
        error=error,
        degrees=degrees,
    )


def spread(values: Sequence[float], *, confidence: float) -> float:
    """How far from the truth the geometric mean of one set of repeats may be, by Student's t on logarithms.

    A later set, however quiet, differs from this one significantly only if it differs by about as much: then Welch's
    error and degrees of freedom are those of this set alone.

    Args:
        values: at least three, all positive, in any unit.
        confidence: of the interval, for example 0.95.

    Returns:
        A fraction: 0.15 is a mean that may be 15% too low, or too high by the same factor.
    """
    logarithms = [math.log(value) for value in values]
    error = statistics.stdev(logarithms) / math.sqrt(len(values))
    return math.expm1(student_t_quantile(1 - confidence, degrees=len(values) - 1) * error)


def _degrees(parts: tuple[float, float], *, sizes: tuple[int, int]) -> float:
    """Welch and Satterthwaite's degrees of freedom; the pooled number where nothing varied."""
    total = sum(parts)
    if total == 0:
        return sizes[0] + sizes[1] - 2
    shares = (part / total for part in parts)
    return 1 / sum(share * share / (size - 1) for share, size in zip(shares, sizes, strict=True))


def detectable_change(ratio: Ratio, *, significance: float, margin: float) -> float:
    """The smallest true change for the worse that such repeats call a regression four times out of five.

    The usual sum of two t quantiles times the standard error; the observed change must also reach the margin.

    Args:
        ratio: an observed comparison; its noise counts, its value does not.
        significance: of the two-sided test, after correction for several ones.
        margin: the least change that is called one, as a fraction.

    Returns:
        A fraction: 0.15 is a speed that is 15% worse.
    """
    power = student_t_quantile(2 * (1 - POWER), degrees=ratio.degrees)
    critical = student_t_quantile(significance, degrees=ratio.degrees)
    return math.exp(max(critical * ratio.error, math.log1p(margin)) + power * ratio.error) - 1
