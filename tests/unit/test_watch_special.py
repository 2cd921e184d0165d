import math

import pytest

from consumers.special import beta_cdf, beta_quantile, gamma_cdf, gamma_quantile


@pytest.mark.parametrize("shape", [1, 2, 5, 40, 300])
@pytest.mark.parametrize("part", [0.1, 0.7, 1.0, 1.5, 4.0])
def test_the_gamma_law_counts_arrivals(shape, part):
    x = shape * part
    fewer = sum(math.exp(n * math.log(x) - x - math.lgamma(n + 1)) for n in range(shape))

    assert gamma_cdf(x, shape) == pytest.approx(1 - fewer, abs=1e-10)


@pytest.mark.parametrize("x", [0.01, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 7), (30, 4), (150, 350)])
def test_the_beta_law_counts_successes(x, a, b):
    n = a + b - 1
    more = sum(math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))

    assert beta_cdf(x, a, b) == pytest.approx(more, abs=1e-10)


def test_half_a_degree_of_freedom_is_the_error_function():
    assert gamma_cdf(0.3, 0.5) == pytest.approx(math.erf(math.sqrt(0.3)), abs=1e-12)
    assert beta_cdf(0.25, 0.5, 0.5) == pytest.approx(1 / 3, abs=1e-12)


@pytest.mark.parametrize("p", [0.025, 0.2, 0.5, 0.975])
def test_quantiles_turn_the_laws_around(p):
    for shape in (0.5, 3.5, 1000.5):
        assert gamma_cdf(gamma_quantile(p, shape), shape) == pytest.approx(p, abs=1e-9)
    for a, b in ((0.5, 0.5), (3.5, 20.5), (900.5, 100.5)):
        assert beta_cdf(beta_quantile(p, a, b), a, b) == pytest.approx(p, abs=1e-9)


def test_the_ends():
    assert (gamma_cdf(0, 2), beta_cdf(0, 1, 2), beta_cdf(1, 1, 2)) == (0, 0, 1)
