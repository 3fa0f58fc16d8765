import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.models import (
    DISCRIMINATORS,
    GENERATORS,
    chain,
    compact,
    discriminator,
    srresnet,
    unet_discriminator,
    vgg19_features,
)
from keras_sr.models.blocks import ChannelPReLU, PixelShuffle
from keras_sr.models.vgg import LAYERS

TINY = {"features": 4, "blocks": 1}


def run(network, images):
    return keras.ops.convert_to_numpy(network(images))


def shake(network, rng):
    """Give every weight a value that no default hides behind."""
    network.set_weights([w + rng.uniform(0.05, 0.3, w.shape).astype(w.dtype) for w in network.get_weights()])


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("name", list(GENERATORS))
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_any_size_is_enlarged_by_the_scale(name, scale, rng):
    network = GENERATORS[name](scale, **TINY)
    assert run(network, rng.random((2, 7, 5, 3), "float32")).shape == (2, 7 * scale, 5 * scale, 3)
    assert run(network, rng.random((1, 1, 9, 3), "float32")).shape == (1, scale, 9 * scale, 3)


def test_a_chain_of_scale_1_cleans_a_picture_of_any_size(rng):
    network = chain(1, **TINY)
    images = rng.random((1, 7, 5, 3), "float32")
    assert run(network, images).shape == (1, 7, 5, 3)


def test_a_chain_is_disps_plan_around_the_enlarged_picture():
    """DISP (NTIRE 2026): 18 convolutions of 3x3 in blocks of four, 163 kMAC an LR pixel at x4."""
    network = chain(4, features=32, blocks=4)
    convs = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    kernels = [layer.kernel.shape for layer in convs]
    assert [k[:2] for k in kernels].count((3, 3)) == 18
    assert sum(np.prod(k) for k in kernels) == pytest.approx(163e3, rel=0.01)


@pytest.mark.parametrize(
    ("activation", "below"), [("silu", -0.2689414), ("prelu", -0.25), ("relu", 0.0), ("leakyrelu", -0.1)]
)
def test_a_chain_has_the_activation_that_is_asked_for(activation, below):
    """`below` is what it makes of -1; each begins a block's four convolutions."""
    network = chain(2, activation=activation, **TINY)
    kinds = ("Activation", "ChannelPReLU", "LeakyReLU")
    found = [layer for layer in network.layers if type(layer).__name__ in kinds]
    assert len(found) == 4 * TINY["blocks"]
    x = np.full((1, 2, 2, TINY["features"]), -1, "float32")
    for layer in found:
        np.testing.assert_allclose(run(layer, x), np.full_like(x, below), rtol=1e-6)


def test_a_chain_knows_no_other_activation():
    with pytest.raises(KerasSRError, match="unknown activation 'gelu': the known ones are silu, prelu, relu"):
        chain(2, activation="gelu", **TINY)


def test_a_chain_without_weights_repeats_pixels(rng):
    network = chain(4, **TINY)
    network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    images = rng.random((1, 5, 6, 3), "float32")
    np.testing.assert_array_equal(run(network, images), images.repeat(4, 1).repeat(4, 2))


def test_srresnet_is_the_papers_network():
    network = srresnet()
    # 1.55 M weights is what another implementation of the paper reports (numbers.md, krasserm).
    assert round(network.count_params() / 1e6, 2) == 1.55
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("Conv2D") == 1 + 2 * 16 + 1 + 2 + 1
    assert kinds.count("BatchNormalization") == 2 * 16 + 1
    assert [network.get_layer(n).kernel_size for n in ("head_conv", "block01_conv1", "tail_conv")] == [
        (9, 9),
        (3, 3),
        (9, 9),
    ]


def test_discriminator_is_the_papers_network():
    network = discriminator(96)
    convs = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [c.filters for c in convs] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [c.strides[0] for c in convs] == [1, 2, 1, 2, 1, 2, 1, 2]
    assert sum(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers) == 7
    assert network.get_layer("dense1").units == 1024


def test_networks_without_batch_norm_have_none():
    network = srresnet(normalization="none", **TINY)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)


@pytest.mark.parametrize(
    "build",
    [
        lambda f: srresnet(4, data_format=f, **TINY),
        lambda f: srresnet(3, normalization="none", data_format=f, **TINY),
        lambda f: srresnet(2, upsampler="upsampling2d", data_format=f, **TINY),
        lambda f: compact(4, data_format=f, **TINY),
        lambda f: chain(4, data_format=f, **TINY),
        lambda f: chain(1, data_format=f, **TINY),
        lambda f: chain(2, activation="prelu", data_format=f, **TINY),
    ],
)
def test_the_same_weights_give_the_same_picture_in_both_data_formats(build, rng):
    last, first = build("channels_last"), build("channels_first")
    shake(last, rng)
    first.set_weights(last.get_weights())
    images = rng.random((2, 6, 9, 3), "float32")
    expected = run(last, images)
    got = run(first, images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("normalization", ["batch", "spectral", "none"])
def test_discriminator_gives_one_logit_an_image_in_both_data_formats(normalization, rng):
    def build(data_format):
        return discriminator(32, features=8, normalization=normalization, data_format=data_format)

    last, first = build("channels_last"), build("channels_first")
    first.set_weights(last.get_weights())
    images = rng.random((3, 32, 32, 3), "float32")
    expected = run(last, images)
    assert expected.shape == (3, 1)
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(run(first, images.transpose(0, 3, 1, 2)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalization", ["spectral", "none"])
@pytest.mark.parametrize("size", [8, 30, 33, 47, 64])
def test_the_unet_judges_every_pixel_of_any_crop_in_both_data_formats(size, normalization, rng):
    def build(data_format):
        return unet_discriminator(size, features=4, normalization=normalization, data_format=data_format)

    last, first = build("channels_last"), build("channels_first")
    first.set_weights(last.get_weights())
    images = rng.random((2, size, size, 3), "float32")
    expected = run(last, images)
    assert expected.shape == (2, size, size, 1)
    got = run(first, images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_the_unet_has_real_esrgans_size():
    """UNetDiscriminatorSN with 64 features: 4,376,897 weights (BasicSR)."""
    network = unet_discriminator(128, features=64)
    vectors = sum(np.prod(w.shape) for layer in network.layers for w in layer.non_trainable_weights)
    assert network.count_params() - vectors == 4_376_897


@pytest.mark.parametrize("name", list(DISCRIMINATORS))
def test_spectral_norm_is_one_after_some_training_calls(name, rng):
    network = DISCRIMINATORS[name](32, features=8, normalization="spectral")
    images = rng.random((2, 32, 32, 3), "float32")
    before = [
        w.copy() for layer in network.layers for w in map(keras.ops.convert_to_numpy, layer.trainable_weights)
    ]
    for _ in range(60):
        network(images, training=True)
    layers = [layer for layer in network.layers if hasattr(layer, "quotient")]
    assert len(layers) == {"srgan": 10, "unet": 8}[name]
    for layer in layers:
        quotient = keras.ops.convert_to_numpy(layer.quotient(False))
        assert np.linalg.svd(quotient, compute_uv=False)[0] == pytest.approx(1, abs=0.06)
    after = [w for layer in network.layers for w in map(keras.ops.convert_to_numpy, layer.trainable_weights)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_call_without_training_leaves_the_singular_vector_alone(rng):
    network = unet_discriminator(16, features=4)
    before = network.get_weights()
    network(rng.random((1, 16, 16, 3), "float32"), training=False)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("size", [96, 256])
def test_discriminator_takes_the_crop_sizes_of_the_first_implementation(size):
    assert discriminator(size, features=4).output_shape == (None, 1)


def test_channel_prelu_is_keras_prelu_with_shared_axes(rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    alpha = rng.uniform(-1, 1, 5).astype("float32")
    ours, theirs = ChannelPReLU(), keras.layers.PReLU(shared_axes=[1, 2])
    ours.build(x.shape)
    theirs.build(x.shape)
    ours.set_weights([alpha])
    theirs.set_weights([alpha.reshape(1, 1, 5)])
    np.testing.assert_allclose(run(ours, x), run(theirs, x), rtol=1e-6)


@pytest.mark.parametrize("scale", [2, 3])
def test_pixel_shuffle_is_torchs_after_a_permutation_of_channels(scale, rng):
    torch = pytest.importorskip("torch")
    c = 3
    x = rng.random((2, 4, 5, c * scale**2), "float32")  # channels (row, column, c)
    as_torch = x.reshape(2, 4, 5, scale, scale, c).transpose(0, 5, 3, 4, 1, 2).reshape(2, -1, 4, 5)
    expected = torch.nn.PixelShuffle(scale)(torch.from_numpy(np.ascontiguousarray(as_torch))).numpy()
    np.testing.assert_array_equal(run(PixelShuffle(scale), x), expected.transpose(0, 2, 3, 1))
    first = PixelShuffle(scale, data_format="channels_first")
    np.testing.assert_array_equal(run(first, x.transpose(0, 3, 1, 2)), expected)


def test_generators_survive_keras_own_file_format(tmp_path, rng):
    network = srresnet(2, **TINY)
    shake(network, rng)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    images = rng.random((1, 5, 6, 3), "float32")
    np.testing.assert_allclose(run(again, images), run(network, images), rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: srresnet(5), "2, 3, 4 or 8"),
        (lambda: compact(5), "2, 3, 4 or 8"),
        (lambda: srresnet(normalization="layer"), "batch, none"),
        (lambda: srresnet(upsampler="deconvolution"), "pixel_shuffle, upsampling2d"),
        (lambda: srresnet(data_format="NCHW"), "channels_last, channels_first"),
        (lambda: discriminator(100), "multiple of 16"),
        (lambda: discriminator(normalization="batch_norm"), "batch, spectral, none"),
    ],
)
def test_errors_list_what_is_known(build, words):
    with pytest.raises(KerasSRError, match=words):
        build()


class TestVGG:
    def test_features_are_those_of_keras_applications(self, vgg_file, rng):
        images = rng.random((1, 32, 32, 3), "float32")
        names = ("block2_conv2", "block5_conv4")
        ours = vgg19_features(names, weights=vgg_file)(images)
        reference = keras.applications.VGG19(include_top=False, weights=None)
        with np.load(vgg_file) as arrays:
            from keras_sr.models.vgg import read_kernel

            for name in LAYERS:
                reference.get_layer(name).set_weights(
                    [read_kernel(arrays, f"{name}.kernel"), arrays[f"{name}.bias"]]
                )
        theirs = keras.Model(reference.input, [reference.get_layer(n).output for n in names])(
            keras.applications.vgg19.preprocess_input(255.0 * images)
        )
        for a, b in zip(ours, theirs, strict=True):
            a, b = keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
            assert b.max() > 0
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * b.max())

    def test_both_data_formats_give_the_same_features(self, vgg_file, rng):
        images = rng.random((1, 16, 16, 3), "float32")
        last = vgg19_features(("block2_conv2",), weights=vgg_file)(images)
        first = vgg19_features(("block2_conv2",), weights=vgg_file, data_format="channels_first")
        got = first(images.transpose(0, 3, 1, 2))
        expected = keras.ops.convert_to_numpy(last).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(got), expected, rtol=1e-4, atol=1e-5 * expected.max()
        )

    def test_before_activation_has_negative_values(self, vgg_file, rng):
        images = rng.random((1, 16, 16, 3), "float32")
        before = vgg19_features(("block2_conv1",), weights=vgg_file, before_activation=True)(images)
        after = vgg19_features(("block2_conv1",), weights=vgg_file)(images)
        before, after = keras.ops.convert_to_numpy(before), keras.ops.convert_to_numpy(after)
        assert before.min() < 0
        np.testing.assert_allclose(np.maximum(before, 0), after)

    def test_it_is_frozen(self, vgg_file):
        assert vgg19_features(("block1_conv1",), weights=vgg_file).trainable_variables == []

    def test_without_weights_it_says_where_to_put_them(self, tmp_path):
        with pytest.raises(WeightsError, match="KERAS_SR_VGG19"):
            vgg19_features(weights=tmp_path / "absent.npz")

    def test_another_file_is_refused(self, tmp_path):
        np.savez(tmp_path / "other.npz", a=np.zeros(3))
        with pytest.raises(WeightsError, match="does not hold VGG19"):
            vgg19_features(weights=tmp_path / "other.npz")

    def test_unknown_layer_lists_the_known_ones(self):
        with pytest.raises(WeightsError, match="block5_conv4"):
            vgg19_features(("block5_conv5",))

    @pytest.mark.shared
    def test_the_packed_weights_are_a_trained_network(self, shared_data):
        """Trained features of a photograph differ from those of its noise far more than random ones do."""
        from PIL import Image

        file = shared_data / "weights" / "vgg19_notop_q8_pack.npz"
        photo = Image.open(shared_data / "benchmark" / "Set5" / "HR" / "img_003.png").resize((64, 64))
        image = np.asarray(photo, "float32")[None] / 255
        features = vgg19_features(weights=file)(image)
        features = keras.ops.convert_to_numpy(features)
        # ImageNet's VGG19 is sparse at its last convolution; a random network is half full.
        assert 0.01 < (features > 0).mean() < 0.35
