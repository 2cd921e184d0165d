"""
The incomplete gamma and beta functions and their quantiles, for intervals.

Series, and continued fractions by Lentz's rule (Abramowitz and Stegun 6.5.29, 6.5.31, 26.5.8); quantiles
by bisection. Written out, since a core imports no numerical package; accurate to about 10⁻¹⁰.
"""

import math
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

_CLOSE: Final = 1e-13
_TINY: Final = 1e-300
_STEPS: Final = 100_000


def gamma_cdf(x: float, shape: float) -> float:
    """Return P(G ≤ x) for a gamma variable of ``shape`` > 0 and rate 1."""
    if x <= 0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        for n in range(1, _STEPS):
            term *= x / (shape + n)
            total += term
            if term < total * _CLOSE:
                break
        return min(1.0, front * total)
    return max(0.0, 1 - front / _lentz(x + 1 - shape, _gamma_terms(x, shape)))


def _gamma_terms(x: float, shape: float) -> Iterator[tuple[float, float]]:
    for n in count(1):
        yield -n * (n - shape), x + 2 * n + 1 - shape


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return P(B ≤ x) for a beta variable with ``a``, ``b`` > 0."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = math.exp(
        a * math.log(x)
        + b * math.log1p(-x)
        + math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        - math.log(a)
    )
    return min(1.0, front / _lentz(1.0, _beta_terms(x, a, b)))


def _beta_terms(x: float, a: float, b: float) -> Iterator[tuple[float, float]]:
    yield -(a + b) * x / (a + 1), 1.0
    for m in count(1):
        yield m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), 1.0
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1.0


def _lentz(first: float, terms: Iterator[tuple[float, float]]) -> float:
    """Return ``first + a1/(b1 + a2/(b2 + …))``."""
    value = numerator = first or _TINY
    denominator = 0.0
    for _, (a, b) in zip(range(_STEPS), terms, strict=False):
        denominator = 1 / (b + a * denominator or _TINY)
        numerator = b + a / numerator or _TINY
        change = numerator * denominator
        value *= change
        if abs(change - 1) < _CLOSE:
            break
    return value


def gamma_quantile(p: float, shape: float) -> float:
    """Return the x with P(G ≤ x) = ``p`` in (0, 1)."""
    high = shape + 1.0
    while gamma_cdf(high, shape) < p:
        high *= 2
    return _bisected(lambda x: gamma_cdf(x, shape) < p, high)


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the x with P(B ≤ x) = ``p`` in (0, 1)."""
    return _bisected(lambda x: beta_cdf(x, a, b) < p, 1.0)


def _bisected(below: Callable[[float], bool], high: float) -> float:
    low = 0.0
    for _ in range(80):
        middle = (low + high) / 2
        if below(middle):
            low = middle
        else:
            high = middle
        if high - low < _CLOSE * high:
            break
    return high
