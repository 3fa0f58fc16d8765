"""VGG19 up to any layer (Simonyan and Zisserman 2015, arXiv 1409.1556), frozen, for the content loss.

Its input is an image in [0, 1] RGB like everywhere else; range, channel order and ImageNet mean are
inside the graph, so they cannot be got wrong outside.
"""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_sr.errors import WeightsError, unknown
from keras_sr.models.blocks import channel_axis, image_input
from keras_sr.models.checks import resolve_data_format
from keras_sr.types import Tensor

#: Convolutions in each of the five blocks, and their filters.
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
LAYERS = tuple(f"block{b}_conv{c}" for b, (convs, _) in enumerate(BLOCKS, 1) for c in range(1, convs + 1))
#: Blue, green, red: the mean of ImageNet that the weights were trained with, in grey levels.
MEAN_BGR = (103.939, 116.779, 123.68)
_WHERE = (
    "give a local file (a Keras 'notop' .h5 or an .npz with NAME.kernel and NAME.bias) by "
    "vgg_weights=FILE or the environment variable KERAS_SR_VGG19, or let keras.applications "
    "download it to ~/.keras/models/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
)


@keras.saving.register_keras_serializable("keras_sr")
class CaffePreprocessing(keras.layers.Layer):
    """RGB in [0, 1] to BGR minus the ImageNet mean, divided by 255 (the first kernel is multiplied by 255).

    Kept near zero because bfloat16 rounds 200.3 to 200: the network's input would lose a third of its
    grey levels under mixed precision.
    """

    def __init__(self, data_format: str = "channels_last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format

    def call(self, rgb: Tensor) -> Tensor:
        """Map RGB in [0, 1] to BGR around 0; same shape."""
        mean = np.array(MEAN_BGR, "float32") / 255.0
        if self.data_format == "channels_first":
            mean = mean.reshape(3, 1, 1)
        # As a tensor: torch refuses numpy beside a tensor that needs a gradient.
        return ops.flip(rgb, axis=channel_axis(self.data_format)) - ops.convert_to_tensor(mean)

    def get_config(self) -> dict:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "data_format": self.data_format}


def vgg19_features(
    layers: tuple[str, ...] = ("block5_conv4",),
    *,
    weights: str | Path = "imagenet",
    before_activation: bool = False,
    data_format: str | None = None,
) -> keras.Model:
    """Build VGG19 as a frozen feature network.

    The paper's VGG22 is `block2_conv2` (second convolution before the second max-pooling), its VGG54
    `block5_conv4`; both after the activation (section 2.2.1).

    Args:
        layers: Names `block1_conv1` ... `block5_conv4`, in any order; the graph ends at the deepest.
        weights: `"imagenet"` (the environment variable KERAS_SR_VGG19 if set, else
            keras.applications), or a local file: the Keras "notop" `.h5`, or an `.npz` with
            `NAME.kernel` and `NAME.bias` (8-bit kernels with `#q8`, `#scale_min`, `#tail_f32` are read too).
        before_activation: Features before the ReLU (as ESRGAN takes them) instead of after it.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Returns:
        keras.Model, not trainable: (N, H, W, 3) in [0, 1] to a feature map, or to a list of them in the order
        of `layers` where several are asked for.

    Raises:
        WeightsError: Unknown layer, or weights that are not here; random features are never used.
    """
    for name in layers:
        if name not in LAYERS:
            raise WeightsError(unknown("VGG19 layer", name, LAYERS))
    data_format = resolve_data_format(data_format)
    arrays = read_weights(weights)

    # === Functional Model ===
    image = image_input(data_format, name="image")
    x = CaffePreprocessing(data_format=data_format, name="preprocessing", dtype="float32")(image)
    features = {}
    deepest = max(LAYERS.index(name) for name in layers)
    for name in LAYERS[: deepest + 1]:
        if name.endswith("conv1") and name != "block1_conv1":
            x = keras.layers.MaxPooling2D(2, data_format=data_format, name=f"{name[:6]}_pool")(x)
        x = keras.layers.Conv2D(
            BLOCKS[int(name[5]) - 1][1], 3, padding="same", data_format=data_format, name=name
        )(x)
        before = x
        x = keras.layers.ReLU(name=f"{name}_relu")(x)
        features[name] = before if before_activation else x
    model = keras.Model(image, [features[name] for name in layers], name="vgg19_features")

    for name in LAYERS[: deepest + 1]:
        kernel, bias = arrays[name]
        model.get_layer(name).set_weights([kernel * 255.0 if name == "block1_conv1" else kernel, bias])
    model.trainable = False
    return model


def read_weights(weights: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return kernel (HWIO) and bias of every convolution, by layer name.

    Raises:
        WeightsError: The file is absent, unreadable or not VGG19.
    """
    if str(weights) == "imagenet":
        weights = os.environ.get("KERAS_SR_VGG19", "imagenet")
    if str(weights) == "imagenet":
        return _read_from_applications()
    path = Path(weights)
    if not path.is_file():
        raise WeightsError(f"VGG19 weights {path} are not there: {_WHERE}")
    try:
        arrays = _read_npz(path) if path.suffix == ".npz" else _read_h5(path)
    # numpy and h5py raise nearly every class there is on damaged files.
    except Exception as error:
        raise WeightsError(f"{path} does not hold VGG19 weights ({error}): {_WHERE}") from None
    return arrays


def _read_from_applications() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Take the weights from keras.applications, which downloads them once."""
    try:
        model = keras.applications.VGG19(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises plain Exception for a failed download.
        raise WeightsError(f"VGG19's ImageNet weights could not be downloaded: {_WHERE}") from error
    return {name: tuple(model.get_layer(name).get_weights()) for name in LAYERS}


def _read_h5(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the file that keras.applications offers, without the classifier."""
    import h5py

    with h5py.File(path) as file:
        return {name: (_read_h5_array(file, name, "W"), _read_h5_array(file, name, "b")) for name in LAYERS}


def _read_h5_array(file: Any, name: str, part: str) -> np.ndarray:
    """Read one array of the file: `part` is `W` or `b`."""
    return np.array(file[name][f"{name}_{part}_1:0"])


def _read_npz(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read an .npz, with kernels as float32 or as 8 bits a value."""
    with np.load(path) as file:
        return {name: (read_kernel(file, f"{name}.kernel"), file[f"{name}.bias"]) for name in LAYERS}


def read_kernel(file: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    """Read one kernel: exact, or value * scale + min with an exact tail."""
    if key in file:
        return file[key]
    scale, minimum = file[f"{key}#scale_min"]
    kernel = file[f"{key}#q8"].astype(np.float32) * scale + minimum
    tail = file.get(f"{key}#tail_f32", np.zeros(0, np.float32)).ravel()
    if tail.size:
        kernel.reshape(-1)[-tail.size :] = tail
    return kernel.astype(np.float32)
