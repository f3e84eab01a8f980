"""The gates' statistics, held to numbers of scipy 1.17.1 and to properties that they must have."""

from __future__ import annotations

import math
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.check_model.distributions import student_t_quantile, student_t_tail
from flows.check_model.multiplicity import holm
from flows.check_model.paired import Pairs, detectable_drop, mcnemar, pair, tango_interval
from flows.check_model.repeats import compare_repeats, detectable_change, spread

SPEED = st.floats(min_value=0.01, max_value=1e5)
SPEEDS = st.lists(SPEED, min_size=3, max_size=8)


@st.composite
def _pairs(draw: st.DrawFn) -> Pairs:
    questions = draw(st.integers(1, 2000))
    lost = draw(st.integers(0, questions))
    return Pairs(questions=questions, lost=lost, gained=draw(st.integers(0, questions - lost)))


@pytest.mark.parametrize(
    ("t", "degrees", "expected"),
    [
        (0.5, 1, 0.7048327646991335),
        (2.0, 3.4931, 0.1262960539229399),
        (4.303, 2, 0.0499925249852145),
        (12.0, 4, 0.000276428548502973),
        (0.01, 250.5, 0.9920292466948388),
        (40, 2.5, 0.0001419563429049338),
    ],
)
def test_students_tail_is_scipys(t: float, degrees: float, expected: float) -> None:
    """Every p-value of a speed would be off by as much."""
    assert student_t_tail(t, degrees=degrees) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("tail", "degrees", "expected"),
    [
        (0.05, 1, 12.706204736174705),
        (0.05, 2, 4.302652729749464),
        (0.0125, 3.4931, 4.743310456940482),
        (0.4, 4, 0.9409645772351811),
        (0.05, 1000, 1.9623390808264085),
    ],
)
def test_students_quantile_is_scipys(tail: float, degrees: float, expected: float) -> None:
    """Every interval of a speed would be too narrow or too wide."""
    assert student_t_quantile(tail, degrees=degrees) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("tail", [0.0, -0.1, 1.1])
def test_an_impossible_tail_is_refused(tail: float) -> None:
    """A significance of zero would search for ever."""
    with pytest.raises(ValueError, match="tail probability"):
        student_t_quantile(tail, degrees=3)


@pytest.mark.parametrize(
    ("lost", "gained", "expected"),
    [(8, 0, 0.0078125), (7, 1, 0.0703125), (30, 15, 0.0356978035551947), (900, 1100, 8.45708953550381e-06), (3, 3, 1)],
)
def test_mcnemars_p_value_is_the_binomial_tests(lost: int, gained: int, expected: float) -> None:
    """An accuracy would be called regressed by chance more often than declared."""
    assert mcnemar(Pairs(questions=5000, lost=lost, gained=gained)) == pytest.approx(expected, rel=1e-9)


def test_no_changed_answer_is_no_evidence() -> None:
    """Two equal runs must not be told apart."""
    assert mcnemar(Pairs(questions=100, lost=0, gained=0)) == 1


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # The numbers come from maximising the likelihood numerically, without the closed formula that the code uses.
        (Pairs(21, 7, 1), (-0.517232, -0.026003)),
        (Pairs(100, 8, 0), (-0.149981, -0.040047)),
        (Pairs(100, 0, 0), (-0.036993, 0.036993)),
        (Pairs(100, 2, 2), (-0.052854, 0.052854)),
        (Pairs(10042, 200, 260), (0.001796, 0.010196)),
    ],
)
def test_tangos_interval_is_the_likelihoods(pairs: Pairs, expected: tuple[float, float]) -> None:
    """A pass would be given where a drop as bad as the margin is still possible."""
    assert tango_interval(pairs, confidence=0.95) == pytest.approx(expected, abs=2e-6)


@settings(deadline=None, max_examples=50)
@given(_pairs())
def test_tangos_interval_holds_the_observed_change(pairs: Pairs) -> None:
    """An interval beside its own estimate would be nonsense in the report."""
    lower, upper = tango_interval(pairs, confidence=0.95)
    assert -1 <= lower <= pairs.change + 1e-9
    assert pairs.change - 1e-9 <= upper <= 1


@settings(deadline=None, max_examples=50)
@given(_pairs())
def test_gains_and_losses_mirror_each_other(pairs: Pairs) -> None:
    """Improvements would be held to another standard than regressions."""
    mirrored = Pairs(pairs.questions, lost=pairs.gained, gained=pairs.lost)
    lower, upper = tango_interval(pairs, confidence=0.9)
    assert tango_interval(mirrored, confidence=0.9) == pytest.approx((-upper, -lower), abs=1e-9)
    assert mcnemar(mirrored) == mcnemar(pairs)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=3), st.tuples(st.booleans(), st.booleans()), min_size=1), st.randoms())
def test_the_order_of_questions_does_not_matter(answers: dict[str, tuple[bool, bool]], random: Random) -> None:
    """lm-eval may log questions in another order tomorrow."""
    before = {question: answer[0] for question, answer in answers.items()}
    after = {question: answer[1] for question, answer in answers.items()}
    shuffled = sorted(after, key=lambda _: random.random())
    assert pair(before=before, after={question: after[question] for question in shuffled}) == pair(
        before=before, after=after
    )


def test_other_questions_are_not_paired() -> None:
    """Answers to different questions would be compared one by one."""
    with pytest.raises(ValueError, match="same questions"):
        pair(before={"a": True}, after={"b": True})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            [10, 10.2, 9.9],
            [11.5, 11.4, 11.9],
            (0.0014348840426928518, 3.4931611091349435, 1.1036374935217235, 1.2109226750172941),
        ),
        (
            [412.1, 398.7, 405.0, 420.3],
            [380.2, 371.9, 402.2],
            (0.09987017220460152, 2.9502477657199586, 0.8651786134183569, 1.0220751538722401),
        ),
    ],
)
def test_welchs_interval_is_scipys(
    before: list[float], after: list[float], expected: tuple[float, float, float, float]
) -> None:
    """A speed's interval and p-value would not be what the docs say that they are."""
    ratio = compare_repeats(before=before, after=after, confidence=0.95)
    assert (ratio.p_value, ratio.degrees, ratio.lower, ratio.upper) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=50)
@given(SPEEDS, SPEEDS, st.randoms())
def test_the_order_of_repeats_does_not_matter(before: list[float], after: list[float], random: Random) -> None:
    """A verdict that depends on which repeat came first would be no verdict."""
    shuffled = sorted(after, key=lambda _: random.random())
    first = compare_repeats(before=before, after=after, confidence=0.95)
    second = compare_repeats(before=before, after=shuffled, confidence=0.95)
    assert (first.value, first.p_value) == pytest.approx((second.value, second.p_value), rel=1e-6, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(SPEEDS, SPEEDS, st.floats(min_value=0.1, max_value=1e3))
def test_the_unit_does_not_matter(before: list[float], after: list[float], unit: float) -> None:
    """Milliseconds and seconds would give different verdicts."""
    plain = compare_repeats(before=before, after=after, confidence=0.95)
    scaled = compare_repeats(
        before=[value * unit for value in before], after=[value * unit for value in after], confidence=0.95
    )
    assert scaled.value == pytest.approx(plain.value, rel=1e-9)


@pytest.mark.parametrize(("before", "after"), [([1, 2], [1, 2, 3]), ([1, 2, 3], [1, 2])])
def test_two_repeats_are_too_few(before: list[float], after: list[float]) -> None:
    """One degree of freedom would give intervals that exclude nothing."""
    with pytest.raises(ValueError, match="too few"):
        compare_repeats(before=before, after=after, confidence=0.95)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_speed_of_zero_is_refused(value: float) -> None:
    """A figure that was not taken would take part in a mean."""
    with pytest.raises(ValueError, match="not positive"):
        compare_repeats(before=[1, 2, 3], after=[1, 2, value], confidence=0.95)


def test_equal_repeats_are_no_change() -> None:
    """A division by a spread of zero would end the run."""
    ratio = compare_repeats(before=[5, 5, 5], after=[5, 5, 5], confidence=0.95)
    assert (ratio.value, ratio.lower, ratio.upper, ratio.p_value) == (1, 1, 1, 1)


def test_holm_is_the_step_down_procedure() -> None:
    """Four primaries would raise a false alarm four times as often."""
    p_values = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(p_values) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1)))
def test_holm_never_makes_a_finding_surer(p_values: dict[str, float]) -> None:
    """A correction must not turn noise into a regression, nor depend on the order of the spec's list."""
    adjusted = holm(p_values)
    assert all(p_values[name] <= adjusted[name] <= 1 for name in p_values)
    assert adjusted == holm(dict(reversed(p_values.items())))


@settings(deadline=None, max_examples=50)
@given(st.integers(50, 20_000), st.floats(0.005, 0.2))
def test_more_questions_see_smaller_drops(questions: int, margin: float) -> None:
    """The printed effect would mislead whoever raises the limit to see more."""
    few, many = (
        detectable_drop(Pairs(size, 0, 0), significance=0.0125, margin=margin) for size in (questions, 2 * questions)
    )
    assert margin <= many <= few <= 1


def test_the_detectable_drop_is_seen_four_times_of_five() -> None:
    """The report would promise more, or less, than the run can see: the exact binomial sum says how much."""
    drop = detectable_drop(Pairs(100, 0, 0), significance=0.0125, margin=0.05)
    least = next(lost for lost in range(101) if mcnemar(Pairs(100, lost, 0)) < 0.0125)
    seen = sum(math.comb(100, lost) * drop**lost * (1 - drop) ** (100 - lost) for lost in range(least, 101))
    # Counts are whole: the normal approximation is on the safe side of the exact power.
    assert 0.8 <= seen < 0.9


@settings(deadline=None, max_examples=50)
@given(SPEEDS, SPEEDS, st.floats(0.01, 0.5))
def test_no_change_below_the_margin_is_promised(before: list[float], after: list[float], margin: float) -> None:
    """A change that the gate would never call a regression must not be announced as one that it sees."""
    ratio = compare_repeats(before=before, after=after, confidence=0.95)
    if ratio.error < 50:  # beyond, the exponential leaves the range of a float
        assert detectable_change(ratio, significance=0.0125, margin=margin) >= margin - 1e-12


def test_the_normal_quantile_is_the_limit_of_students() -> None:
    """Many repeats must end where the textbook does."""
    assert student_t_quantile(0.05, degrees=1e7) == pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-6)


def test_the_spread_of_repeats_is_students_interval() -> None:
    """A noisy baseline would be accepted, or a quiet one refused."""
    # exp(4.302652729749464 * stdev(log 5, log 5.1, log 4.9) / sqrt(3)) - 1
    assert spread([5.0, 5.1, 4.9], confidence=0.95) == pytest.approx(0.0509454719, rel=1e-9)


@settings(deadline=None, max_examples=50)
@given(SPEEDS, SPEED)
def test_the_spread_is_what_a_quiet_run_must_differ_by(before: list[float], later: float) -> None:
    """The rule for baselines would be another one than the gate's own."""
    ratio = compare_repeats(before=before, after=[later] * len(before), confidence=0.95)
    assert ratio.upper / ratio.value - 1 == pytest.approx(spread(before, confidence=0.95), rel=1e-6, abs=1e-9)
