import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.images.color import rgb_to_ycbcr
from keras_sr.losses import ADVERSARIAL, ContentLoss, StyleLoss, charbonnier, consistency, l1, luma, mse
from keras_sr.losses.adversarial import R1_SIGMA, approximate_r1
from keras_sr.losses.content import FEATURE_SCALE


def value(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def pair(rng):
    return rng.random((2, 6, 5, 3), "float32"), rng.random((2, 6, 5, 3), "float32")


class TestPixel:
    def test_mse_is_that_of_the_papers_range(self, pair):
        sr, hr = pair
        assert value(mse(sr, hr)) == pytest.approx(np.mean(((2 * sr - 1) - (2 * hr - 1)) ** 2), rel=1e-5)

    def test_l1_is_that_of_the_papers_range(self, pair):
        sr, hr = pair
        assert value(l1(sr, hr)) == pytest.approx(np.mean(np.abs(2 * sr - 2 * hr)), rel=1e-5)

    def test_charbonnier_is_l1_far_from_zero_and_epsilon_at_zero(self, pair):
        sr, hr = pair
        assert value(charbonnier(sr, hr)) == pytest.approx(value(l1(sr, hr)), rel=1e-3)
        assert value(charbonnier(sr, sr)) == pytest.approx(1e-3, rel=1e-5)

    def test_luma_is_the_error_of_the_y_that_is_measured(self, pair):
        sr, hr = pair
        y = [rgb_to_ycbcr(images)[..., 0] * 255 / 219 for images in (sr, hr)]
        assert value(luma(sr, hr)) == pytest.approx(2 * np.abs(y[0] - y[1]).mean(), rel=1e-4)
        first = [np.moveaxis(images, 3, 1) for images in (sr, hr)]
        assert value(luma(*first, "channels_first")) == pytest.approx(value(luma(sr, hr)), rel=1e-5)

    def test_consistency_is_the_error_of_averages_over_squares(self, rng):
        sr, hr = rng.random((2, 8, 12, 3), "float32"), rng.random((2, 8, 12, 3), "float32")
        means = (2 * sr - 2 * hr).reshape(2, 2, 4, 3, 4, 3).mean((2, 4))
        assert value(consistency(sr, hr, 4)) == pytest.approx(np.mean(means**2), rel=1e-5)

    def test_consistency_is_the_same_in_both_layouts(self, rng):
        sr, hr = rng.random((2, 8, 12, 3), "float32"), rng.random((2, 8, 12, 3), "float32")
        first = [np.moveaxis(images, 3, 1) for images in (sr, hr)]
        assert value(consistency(*first, 2, "channels_first")) == pytest.approx(
            value(consistency(sr, hr, 2)), rel=1e-5
        )

    def test_consistency_minds_colour_and_no_texture_inside_a_square(self, rng):
        hr = rng.random((1, 8, 8, 3), "float32")
        checkers = 0.1 * (1 - 2.0 * (np.indices((8, 8)).sum(0) % 2))[None, ..., None].astype("float32")
        assert value(consistency(hr + checkers, hr, 4)) == pytest.approx(0, abs=1e-10)
        assert value(consistency(hr + 0.1, hr, 4)) == pytest.approx(0.04, rel=1e-4)

    @pytest.mark.parametrize("loss", [mse, l1, charbonnier, luma])
    def test_half_precision_images_give_a_float32_loss(self, loss, pair):
        sr, hr = pair
        got = loss(keras.ops.cast(sr, "bfloat16"), hr)
        assert keras.backend.standardize_dtype(got.dtype) == "float32"


def features(data_format="channels_last"):
    """Two maps of known values: the image, and twice its first channel."""
    shape = (None, None, 3) if data_format == "channels_last" else (3, None, None)
    image = keras.Input(shape)
    axis = -1 if data_format == "channels_last" else 1
    first = keras.ops.split(image, 3, axis=axis)[0]
    return keras.Model(image, [image, 2.0 * first])


class TestContent:
    def test_is_the_mean_square_of_scaled_features_summed_over_layers(self, pair):
        sr, hr = pair
        expected = np.mean((sr - hr) ** 2) + np.mean((2 * sr[..., :1] - 2 * hr[..., :1]) ** 2)
        assert value(ContentLoss(features())(sr, hr)) == pytest.approx(expected / 12.75**2, rel=1e-5)

    def test_the_papers_scale_is_about_0_006(self):
        assert pytest.approx(0.006, abs=2e-4) == FEATURE_SCALE**2

    def test_layers_have_weights_and_the_distance_may_be_absolute(self, pair):
        sr, hr = pair
        loss = ContentLoss(features(), scale=1.0, weights=(0.1, 3.0), distance="l1")
        expected = 0.1 * np.mean(np.abs(sr - hr)) + 3 * np.mean(np.abs(2 * sr[..., :1] - 2 * hr[..., :1]))
        assert value(loss(sr, hr)) == pytest.approx(expected, rel=1e-5)

    def test_one_feature_map_is_enough(self, pair):
        sr, hr = pair
        image = keras.Input((None, None, 3))
        got = ContentLoss(keras.Model(image, 3.0 * image), scale=1.0)(sr, hr)
        assert value(got) == pytest.approx(9 * np.mean((sr - hr) ** 2), rel=1e-5)


class TestStyle:
    def test_is_the_distance_of_gram_matrices(self, pair):
        sr, hr = pair

        def gram(x):
            return np.einsum("nhwc,nhwd->ncd", x, x) / (x.shape[1] * x.shape[2])

        maps = [(sr, hr), (2 * sr[..., :1], 2 * hr[..., :1])]
        expected = sum(np.mean((gram(a) - gram(b)) ** 2) for a, b in maps)
        assert value(StyleLoss(features(), scale=1.0)(sr, hr)) == pytest.approx(expected, rel=1e-4)

    def test_does_not_see_where_things_are(self, rng):
        hr = rng.random((1, 4, 4, 3), "float32")
        moved = hr.reshape(1, 16, 3)[:, rng.permutation(16)].reshape(hr.shape)
        assert value(StyleLoss(features(), scale=1.0)(moved, hr)) < 1e-10
        assert value(ContentLoss(features(), scale=1.0)(moved, hr)) > 1e-3

    def test_both_data_formats_give_the_same(self, pair):
        sr, hr = pair
        first = StyleLoss(features("channels_first"), "channels_first")
        got = first(sr.transpose(0, 3, 1, 2), hr.transpose(0, 3, 1, 2))
        assert value(got) == pytest.approx(value(StyleLoss(features())(sr, hr)), rel=1e-5)


class TestAdversarial:
    @pytest.fixture
    def logits(self, rng):
        return rng.normal(size=(5, 1)).astype("float32"), rng.normal(size=(5, 1)).astype("float32")

    def test_bce_is_keras_binary_cross_entropy(self, logits):
        real, fake = logits
        generator, discriminator = ADVERSARIAL["bce"]
        bce = keras.losses.BinaryCrossentropy(from_logits=True)
        one, zero, smooth = np.ones((5, 1)), np.zeros((5, 1)), np.full((5, 1), 0.9)
        assert value(generator(real, fake)) == pytest.approx(value(bce(one, fake)), rel=1e-5)
        assert value(discriminator(real, fake)) == pytest.approx(
            value(bce(one, real)) + value(bce(zero, fake)), rel=1e-5
        )
        assert value(discriminator(real, fake, 0.1)) == pytest.approx(
            value(bce(smooth, real)) + value(bce(zero, fake)), rel=1e-5
        )

    def test_bce_of_large_logits_is_finite_and_exact(self):
        generator, _ = ADVERSARIAL["bce"]
        logits = np.array([[-200.0]], "float32")
        assert value(generator(logits, logits)) == pytest.approx(200.0)

    def test_relativistic_is_the_papers_formula(self, logits):
        real, fake = (x.astype("float64") for x in logits)

        def sigmoid(x):
            return 1 / (1 + np.exp(-x))

        real_better, fake_better = sigmoid(real - fake.mean()), sigmoid(fake - real.mean())
        generator, discriminator = ADVERSARIAL["relativistic"]
        expected = -np.mean(np.log(real_better)) - np.mean(np.log(1 - fake_better))
        assert value(discriminator(*logits)) == pytest.approx(expected, rel=1e-5)
        expected = -np.mean(np.log(1 - real_better)) - np.mean(np.log(fake_better))
        assert value(generator(*logits)) == pytest.approx(expected, rel=1e-5)

    def test_hinge_is_zero_for_a_discriminator_that_is_right_by_the_margin(self):
        generator, discriminator = ADVERSARIAL["hinge"]
        real, fake = np.full((3, 1), 1.5, "float32"), np.full((3, 1), -2.0, "float32")
        assert value(discriminator(real, fake)) == 0
        assert value(discriminator(fake, real)) == pytest.approx(3 + 2.5)
        assert value(generator(real, fake)) == pytest.approx(2)

    @pytest.mark.parametrize("name", list(ADVERSARIAL))
    def test_the_generator_wants_what_the_discriminator_does_not(self, name, logits):
        real, fake = logits
        generator, discriminator = ADVERSARIAL[name]
        assert value(generator(real, fake + 0.1)) < value(generator(real, fake))
        assert value(discriminator(real, fake + 0.1)) > value(discriminator(real, fake))


def test_approximate_r1_is_the_squared_gradient_of_a_linear_judge(rng):
    """For D(x) = w . x the gradient is w everywhere, so R1 is |w|^2."""
    w = rng.normal(size=(4 * 4 * 3, 1)).astype("float32")

    def judge(x):
        return keras.ops.matmul(keras.ops.reshape(x, (-1, 48)), w)

    images = rng.random((4000, 4, 4, 3), "float32")
    noise = (R1_SIGMA * rng.standard_normal(images.shape)).astype("float32")
    got = value(approximate_r1(judge, images, judge(images), noise))
    assert got == pytest.approx(float((w**2).sum()), rel=0.1)
