import numpy as np
import pytest

from keras_sr.errors import KerasSRError
from keras_sr.export.read import read_model

keras = pytest.importorskip("keras")


def model_of(*layers):
    x = lr = keras.Input((None, None, 3))
    for layer in layers:
        x = layer(x)
    return keras.Model(lr, x)


def test_reads_the_layers_in_the_order_in_which_they_compute():
    from keras_sr.models import srresnet

    graph = read_model(srresnet(4, features=4, blocks=2))
    ready = {graph.input}
    for node in graph.nodes:
        assert set(node.inputs) <= ready
        ready.add(node.output)
    assert graph.output in ready
    assert [node.name for node in graph.nodes[:3]] == ["head_conv", "head_prelu", "block01_conv1"]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda: keras.layers.MaxPooling2D(), "unknown layer type 'MaxPooling2D'"),
        (lambda: keras.layers.Conv2D(4, 3, padding="valid"), "padding='valid'"),
        (lambda: keras.layers.Conv2D(4, 3, padding="same", strides=2), "strides=(2, 2)"),
        (lambda: keras.layers.Conv2D(4, 3, padding="same", dilation_rate=2), "dilation_rate=(2, 2)"),
        (lambda: keras.layers.Activation("gelu"), "unknown activation 'gelu'"),
        (lambda: keras.layers.UpSampling2D(2, interpolation="bilinear"), "interpolation='bilinear'"),
        (lambda: keras.layers.UpSampling2D((2, 3)), "size=(2, 3)"),
        (lambda: keras.layers.ReLU(max_value=6), "max_value=6"),
        (lambda: keras.layers.PReLU(shared_axes=[1]), "shared over height and width"),
        (
            lambda: keras.layers.Conv2D(4, 3, padding="same", activation=keras.layers.LeakyReLU()),
            "unknown activation 'LeakyReLU'",
        ),
        # Keras calls its operation Add, as the layer; the number is in neither.
        (lambda: lambda x: x + 0.5, "reads 1 tensors: an Add reads two or more"),
        (lambda: lambda x: x + np.ones(3, np.float32), "an Add reads two or more"),
    ],
)
def test_refuses_what_it_would_export_wrongly(layer, said):
    x = keras.Input((8, 8, 3))
    with pytest.raises(KerasSRError, match="layer '") as error:
        read_model(keras.Model(x, layer()(x)))
    assert said in str(error.value)


def test_a_subclass_is_not_taken_for_its_base():
    class Conv2DWithSomething(keras.layers.Conv2D):
        pass

    with pytest.raises(KerasSRError, match="unknown layer type 'Conv2DWithSomething'"):
        read_model(model_of(Conv2DWithSomething(3, 3, padding="same")))


def test_refuses_a_model_that_is_not_functional():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(KerasSRError, match="only a functional model"):
        read_model(Own())
    x = keras.Input((None, None, 3))
    with pytest.raises(KerasSRError, match="computes nothing"):
        read_model(keras.Model(x, x))
