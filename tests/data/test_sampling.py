import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.data import sampling
from keras_sr.errors import DataError


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(1, 20), st.integers(1, 20))
def test_numbers_belong_to_items_not_to_batches(seed, first, one, two):
    whole = sampling.uniforms(seed, first, one + two)
    np.testing.assert_array_equal(whole[:one], sampling.uniforms(seed, first, one))
    np.testing.assert_array_equal(whole[one:], sampling.uniforms(seed, first + one, two))


def test_the_numbers_never_change():
    # Made by this code with numpy 2.4: another value here means that every seed trains on other crops.
    assert sampling.uniforms(7, 1000, 2).tolist() == [
        [0.5690936123849663, 0.1990094727808066, 0.7927012562110325, 0.9205485887604249],
        [0.9064946490927803, 0.06019638829376461, 0.2040100162685281, 0.9106221093233225],
    ]
    assert sampling.order(7, 3, 8).tolist() == [3, 1, 4, 5, 6, 2, 7, 0]


def test_numbers_are_uniform():
    numbers = sampling.uniforms(0, 0, 20000)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert np.histogram(numbers, 10)[0].std() < 150  # Poisson: sqrt(8000) = 89
    assert np.abs(np.corrcoef(numbers.T) - np.eye(4)).max() < 0.03


def test_seeds_and_streams_differ():
    rows = [sampling.uniforms(seed, 0, 4).tobytes() for seed in range(20)]
    assert len(set(rows)) == 20
    streams = [sampling.philox(0, stream, 0).random_raw(4).tobytes() for stream in range(3)]
    assert len(set(streams)) == 3


def test_order_is_a_new_permutation_every_epoch():
    orders = [sampling.order(1, epoch, 50) for epoch in range(3)]
    assert all(sorted(one.tolist()) == list(range(50)) for one in orders)
    assert len({one.tobytes() for one in orders}) == 3


def test_shares():
    sizes = np.array([[96, 96], [192, 192], [100, 500], [97, 97]])
    assert sampling.shares(sizes, 96, "area").tolist() == [1, 4, 5, 1]
    assert sampling.shares(sizes, 96, "picture").tolist() == [1, 1, 1, 1]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(0, 40), st.integers(1, 40))
def test_every_epoch_has_each_picture_as_often_as_its_share(shares, first, count):
    ends = np.cumsum(shares)
    two_epochs = sampling.pictures(3, 0, 2 * int(ends[-1]), ends).reshape(2, -1)
    for epoch in two_epochs:
        np.testing.assert_array_equal(np.bincount(epoch, minlength=len(shares)), shares)
    long = sampling.pictures(3, 0, first + count, ends)
    np.testing.assert_array_equal(sampling.pictures(3, first, count, ends), long[first:])


def test_pick_stays_below_the_number_of_choices():
    largest = np.nextafter(1.0, 0.0)
    assert sampling.pick(np.array([0.0, 0.5, largest]), np.array([7, 7, 7])).tolist() == [0, 3, 6]


def test_a_seed_is_not_negative():
    with pytest.raises(DataError, match="from 0 on, not -1"):
        sampling.uniforms(-1, 0, 1)
