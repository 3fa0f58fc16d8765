"""Losses between features of a frozen network, which is handed in (usually `models.vgg19_features`)."""

import keras
from keras import ops

from keras_sr.errors import KerasSRError
from keras_sr.types import Tensor

#: Ledig et al. 2017 (arXiv 1609.04802), section 3.2: feature maps are divided by 12.75, so that the VGG
#: losses have the scale of the MSE; on the squared error that is a factor of 0.00615.
FEATURE_SCALE = 1.0 / 12.75


#: How feature maps are compared: mean squared (Ledig et al., equation 5) or mean absolute (ESRGAN).
DISTANCES = {"mse": ops.square, "l1": ops.abs}


class ContentLoss:
    """Distance of feature maps (equation 5), summed over the layers of the network.

    The mean is over channels too, where equation 5 divides by width and height alone: a factor of the number
    of channels.

    Args:
        features: Maps images (N, H, W, 3) in [0, 1] to a feature map or a list of them; not trained.
        scale: What features are multiplied by before they are compared.
        weights: Of the layers; empty for 1 each.
        distance: `"mse"` or `"l1"`.
    """

    def __init__(
        self,
        features: keras.Model,
        scale: float = FEATURE_SCALE,
        weights: tuple[float, ...] = (),
        distance: str = "mse",
    ) -> None:
        self.features, self.scale = features, scale
        self.weights, self.distance = weights or (1.0,) * len(features.outputs), DISTANCES[distance]

    def get_config(self) -> dict:
        """Refuse to be saved: VGG19 is no part of the model.

        Raises:
            KerasSRError: Always; it says what to do.
        """
        raise not_saved(self)

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss of SR images against HR images, both in [0, 1]; a float32 scalar."""
        wanted = feature_maps(self.features, hr)
        shown = feature_maps(self.features, sr)
        return sum(
            weight * ops.mean(self.distance(self.scale * (a - b)))
            for weight, a, b in zip(self.weights, shown, wanted, strict=True)
        )


class StyleLoss:
    """Mean squared distance of Gram matrices, summed over layers (Gatys et al. 2016, CVPR, eq. 4 and 5).

    Args:
        features: As for `ContentLoss`.
        data_format: Where the channels of the feature maps are.
        scale: What features are multiplied by before the Gram matrix is made.
    """

    def __init__(
        self, features: keras.Model, data_format: str = "channels_last", scale: float = FEATURE_SCALE
    ) -> None:
        self.features, self.data_format, self.scale = features, data_format, scale

    def get_config(self) -> dict:
        """Refuse to be saved: VGG19 is no part of the model.

        Raises:
            KerasSRError: Always; it says what to do.
        """
        raise not_saved(self)

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss of SR images against HR images, both in [0, 1]; a float32 scalar."""
        wanted = feature_maps(self.features, hr)
        shown = feature_maps(self.features, sr)
        return sum(
            ops.mean(ops.square(self.gram(a) - self.gram(b))) for a, b in zip(shown, wanted, strict=True)
        )

    def gram(self, x: Tensor) -> Tensor:
        """Return the channels' correlations over space, (N, C, C), divided by the number of positions."""
        if self.data_format == "channels_first":
            x = ops.transpose(x, (0, 2, 3, 1))
        shape = ops.shape(x)
        positions = shape[1] * shape[2]
        flat = ops.reshape(self.scale * x, (shape[0], positions, shape[3]))
        return ops.matmul(ops.transpose(flat, (0, 2, 1)), flat) / ops.cast(positions, flat.dtype)


def feature_maps(network: keras.Model, images: Tensor) -> list[Tensor]:
    """Run the frozen network; always a list, always float32."""
    maps = network(images, training=False)
    maps = maps if isinstance(maps, (list, tuple)) else [maps]
    return [ops.cast(x, "float32") for x in maps]


def not_saved(loss: object) -> KerasSRError:
    """Return the error for a loss that holds a network, in a model that is to be saved."""
    return KerasSRError(
        f"{type(loss).__name__} holds VGG19, which is not saved with a model: save it uncompiled "
        "(model.compile() without a loss, then model.save), and compile it anew after loading"
    )
