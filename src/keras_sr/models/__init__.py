"""Networks as plain Keras functional graphs: no weights, no losses, no data."""

from keras_sr.models.chain import chain
from keras_sr.models.compact import compact
from keras_sr.models.discriminator import discriminator
from keras_sr.models.generators import GENERATORS, build_generator
from keras_sr.models.rrdb import rrdb
from keras_sr.models.span import span
from keras_sr.models.srresnet import srresnet
from keras_sr.models.unet_discriminator import unet_discriminator
from keras_sr.models.vgg import vgg19_features

#: Crops (N, size, size, 3) in [0, 1] to logits, one a crop or one a pixel.
DISCRIMINATORS = {"srgan": discriminator, "unet": unet_discriminator}

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "build_generator",
    "chain",
    "compact",
    "discriminator",
    "rrdb",
    "span",
    "srresnet",
    "unet_discriminator",
    "vgg19_features",
]
