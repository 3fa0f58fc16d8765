import numpy as np
import pytest

from keras_sr.inference.ensemble import self_ensemble

RNG = np.random.default_rng(0)


def nearest(lr):
    return lr.repeat(2, 0).repeat(2, 1) / np.float32(255)


def shifted(lr):
    """An upscaler that is not symmetric: everything moves one pixel to the right."""
    return np.roll(nearest(lr), 1, axis=1)


def test_a_symmetric_upscaler_stays_what_it_is():
    lr = RNG.integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_allclose(self_ensemble(nearest)(lr), nearest(lr), atol=1e-6)


def test_the_result_turns_with_the_picture():
    lr = RNG.integers(0, 256, (6, 6, 3), np.uint8)
    whole = self_ensemble(shifted)
    assert np.abs(whole(lr) - nearest(lr)).max() > 0.05
    for turn in (np.rot90, np.fliplr, np.flipud, lambda x: np.swapaxes(x, 0, 1)):
        np.testing.assert_allclose(whole(np.ascontiguousarray(turn(lr))), turn(whole(lr)), atol=1e-6)


def test_it_is_the_mean_of_eight():
    calls = []

    def enlarge(lr):
        calls.append(lr.shape)
        return np.full((lr.shape[0], lr.shape[1], 3), len(calls), np.float32)

    assert self_ensemble(enlarge)(np.zeros((4, 6, 3), np.uint8)).mean() == pytest.approx(4.5)
    assert sorted(calls) == [(4, 6, 3)] * 4 + [(6, 4, 3)] * 4
