import numpy as np
import pytest

keras = pytest.importorskip("keras")


class Noise(keras.utils.PyDataset):
    """Batches that are a function of the step: smooth random HR, LR by averaging."""

    def __init__(self, start, steps, crop, batch_size, scale=4, data_format="channels_last"):
        super().__init__()
        self.start, self.steps, self.crop, self.n, self.scale = start, steps, crop, batch_size, scale
        self.data_format = data_format

    def __len__(self):
        return self.steps

    def __getitem__(self, i):
        rng = np.random.default_rng([7, self.start + i])
        lr = rng.random((self.n, self.crop // self.scale, self.crop // self.scale, 3), "float32")
        hr = lr.repeat(self.scale, axis=1).repeat(self.scale, axis=2)
        if self.data_format == "channels_first":
            lr, hr = lr.transpose(0, 3, 1, 2), hr.transpose(0, 3, 1, 2)
        return lr, hr


@pytest.fixture
def batches():
    """Return a maker of batches for a recipe."""

    def make(recipe, data_format="channels_last"):
        return lambda start, steps: Noise(
            start, steps, recipe.crop, recipe.batch_size, recipe.scale, data_format
        )

    return make
