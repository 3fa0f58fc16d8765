import numpy as np
import pytest

from keras_sr.data.batches import Batches
from keras_sr.data.presets import Web
from keras_sr.data.preview import GAP, preview
from keras_sr.data.sources import ArraySource


@pytest.mark.parametrize("count", [1, 7, 10])
def test_a_sheet_shows_the_first_crops_lr_beside_hr(photo, count):
    batches = Batches(ArraySource([photo(0, 140, 150)]), batch_size=4, hr_crop=32, damage=Web())
    page = preview(batches, count, columns=3)
    assert page.shape == (-(-count // 3) * (32 + GAP) + GAP, 3 * (64 + GAP) + GAP, 3)
    lr, hr = batches.pixels((count - 1) // 4)
    row, column = divmod(count - 1, 3)
    pair = page[GAP + row * (32 + GAP) :, GAP + column * (64 + GAP) :][:32, :64]
    np.testing.assert_array_equal(pair[:, 32:], hr[(count - 1) % 4])
    np.testing.assert_array_equal(pair[::4, :32:4], lr[(count - 1) % 4])
