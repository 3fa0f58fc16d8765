import numpy as np
import pytest
from scipy.stats import bootstrap

from keras_sr.evaluation.statistics import interval


def test_it_is_scipys_percentile_interval():
    values = np.random.default_rng(1).normal(27, 3, 100)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    low, high = interval(list(values))
    assert low == pytest.approx(theirs.low, abs=0.04)
    assert high == pytest.approx(theirs.high, abs=0.04)


def test_it_holds_the_mean_in_19_of_20_cases():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        low, high = interval(list(rng.normal(0, 1, 60)))
        inside += low <= 0 <= high
    assert 178 <= inside <= 199


def test_the_seed_decides():
    values = [20.0, 25.0, 31.0, 28.0, 24.0]
    assert interval(values, 3) == interval(values, 3) != interval(values, 4)
