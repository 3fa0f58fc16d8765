"""Networks as plain Keras functional graphs: no weights, no losses, no data."""

from keras_sr.models.compact import compact
from keras_sr.models.discriminator import discriminator
from keras_sr.models.generators import GENERATORS, build_generator
from keras_sr.models.srresnet import srresnet
from keras_sr.models.vgg import vgg19_features

__all__ = ["GENERATORS", "build_generator", "compact", "discriminator", "srresnet", "vgg19_features"]
