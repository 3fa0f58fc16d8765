# %% [markdown]
# # 7. What goes wrong
#
# Seven defects, each found in code that people use or published figures with. Most have in common that
# nothing fails: the program runs, the loss falls, a table comes out. So each is shown, measured and mended
# here.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image

from keras_sr import lessons

lesson = lessons.start(photos=PHOTOS, vgg=True)

# %%
import keras
import numpy as np

import keras_sr
from keras_sr.data.batches import Batches
from keras_sr.images.resize import imresize
from keras_sr.metrics import psnr

truth = lessons.sample("astronaut")
small = imresize(truth, 1 / 4)
batches = Batches(lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", seed=7, workers=1)
lr, hr = batches[0]

# %% [markdown]
# ## 1. Batch normalisation remembers something else
#
# In training a batch norm subtracts the batch's own mean. In use it subtracts a *remembered* one, which
# follows the network with a momentum. Keras' default, 0.99, remembers a hundred steps; early in training the
# network of a hundred steps ago was another one. Same weights, two answers:

# %%
from keras_sr.losses import mse
from keras_sr.models import discriminator, srresnet, vgg19_features
from keras_sr.training.model import SuperResolution


def trained(momentum, steps=120):
    """Train the lessons' network with batch norm; `momentum=None` leaves batch norm out."""
    keras.utils.set_random_seed(0)
    kind = "none" if momentum is None else "batch"
    network = srresnet(4, **{**lesson.small, "normalization": kind})
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    model = SuperResolution(network, None, {"mse": (1.0, mse)})
    model.compile(optimizer=lessons.optimizer(3e-3, 4 * steps), jit_compile=lessons.jit())
    lessons.train(model, batches, lesson.steps(steps), lines=1)
    return network


def as_in_training(network):
    """Enlarge with the batch's own statistics instead of the remembered ones."""
    kept = network.get_weights()  # such a call moves what is remembered
    sr = keras.ops.convert_to_numpy(network(small[None].astype("float32") / 255, training=True))[0]
    network.set_weights(kept)
    return np.clip(sr, 0, 1)


pictures = []
for name, momentum in {"momentum 0.99": 0.99, "momentum 0.9": 0.9, "no batch norm": None}.items():
    network = trained(momentum)
    used, seen = lessons.enlarge(network)(small), as_in_training(network)
    figures = [psnr(picture, truth, crop_border=4) for picture in (seen, used)]
    print("{}: {:.2f} dB as in training, {:.2f} dB in use".format(name, *figures))
    pictures.append((name, used))
lessons.panels(*pictures, ("HR", truth), crop=(0, 128, 256))

# %% [markdown]
# **Mended** by a momentum of 0.9 (so in this library), or by leaving batch norm out, as everybody has since
# EDSR and ESRGAN: the remembered mean is that of the training crops, and a picture unlike them is shifted by
# it even after a million steps.
#
# ## 2. The checkerboard of transposed convolutions
#
# A kernel of 3 with a stride of 2 covers some pixels once, some twice and some four times (Odena et al. 2016,
# distill.pub/2016/deconv-checkerboard). On a flat picture, all weights equal:

# %%


def flat_through(kernel):
    """Enlarge a flat grey picture x2 by a transposed convolution of equal weights."""
    layer = keras.layers.Conv2DTranspose(
        1, kernel, 2, padding="same", kernel_initializer="ones", use_bias=False
    )
    out = keras.ops.convert_to_numpy(layer(np.ones((1, 24, 24, 1), "float32")))[0, 8:40, 8:40]
    return np.repeat(out / out.max(), 3, axis=2)


boards = {f"kernel {kernel}": flat_through(kernel) for kernel in (3, 5, 4)}
for name, board in boards.items():
    print(f"{name}: values from {board.min():.2f} to {board.max():.2f}")
lessons.panels(*boards.items(), zoom=6)

# %% [markdown]
# Training can learn to cancel it and never quite does. **Mended** by a kernel that the stride divides (4 and
# 2), or by the pixel shuffle, in which every pixel is made by as many weights.
#
# ## 3. The checkerboard of a mis-ordered pixel shuffle
#
# A pixel shuffle sorts channels into pixels, and frameworks do not agree on the order: (row, column, colour)
# here and in TensorFlow, (colour, row, column) in PyTorch. Keras 3.15 itself has it differently for
# `channels_first` on two backends. Weights from one, shuffled by the other:

# %%
from keras_sr.weights.load import load

compact = load("compact_x4", data_format="channels_last")
tail = compact.get_layer("tail_conv")
kernel, bias = tail.get_weights()
order = np.arange(48).reshape(4, 4, 3).transpose(2, 0, 1).ravel()
shuffled = {}
for name, channels in {"their order": order, "put right": order[np.argsort(order)]}.items():
    tail.set_weights([kernel[..., channels], bias[channels]])
    shuffled[name] = lessons.enlarge(compact)(small)
    print(f"{name}: {psnr(shuffled[name], truth, crop_border=4):.2f} dB")
lessons.panels(*shuffled.items(), ("HR", truth), crop=(60, 160, 128), zoom=2)

# %% [markdown]
# **Mended** by one permutation of the channels when weights come from elsewhere. What is nasty: trained with
# the wrong order from the start, a network is none the worse. It only shows when weights travel.
#
# ## 4. The discriminator wins
#
# Leave out the start from a trained $G$. Then $D$ has to tell photographs from coloured mush, is soon certain
# of everything, and certainty teaches nothing: $-\log D(SR)$ says "wrong" as loudly for every picture that
# $G$ might try.

# %%
from keras_sr.losses import ADVERSARIAL
from keras_sr.training.srgan import SRGAN


def game(trained, **mended):
    """Play some steps, from lesson 1's weights or from noise; return the log."""
    keras.utils.set_random_seed(0)
    network = srresnet(4, **lesson.small)
    if trained:
        print(lessons.base_weights(lesson, network))
    judge = discriminator(64, features=8 if lesson.smoke else 32)
    gan = SRGAN(network, None, judge, {"mse": (1.0, mse)}, 1e-3, ADVERSARIAL["bce"], **mended)
    rates = (keras.optimizers.Adam(1e-4), keras.optimizers.Adam(5e-4))
    gan.compile(optimizer=gan.two_optimizers(*rates), jit_compile=lessons.jit())
    return lessons.train(gan, batches, lesson.steps(96), lines=2)


titles = {"d_hr": "D's belief in HR", "d_sr": "D's belief in SR", "adversarial": "-log D(SR)"}
won = game(trained=False)
lessons.curves(won, titles, marks={"d_hr": 0.5, "d_sr": 0.5})

# %%
fair = game(trained=True, label_smoothing=0.1, r1=1e-3)
lessons.curves(fair, titles, marks={"d_hr": 0.5, "d_sr": 0.5})

# %% [markdown]
# **Mended** by starting from lesson 1, as the paper does; further by asking $D$ for 0.9 instead of 1
# (Salimans et al. 2016) and by a penalty on its slope at real pictures (R1, Mescheder et al. 2018). The log
# of every GAN here has the two beliefs, because the losses alone do not tell: $D$'s loss near 0 looks like
# success.
#
# ## 5. VGG is fed something else
#
# VGG19 wants BGR in 0...255 minus ImageNet's mean. `fed` makes our network, which converts by itself, see
# what it would see in a program that feeds something else:

# %%
from keras_sr.models.vgg import MEAN_BGR

vgg54 = vgg19_features(("block5_conv4",), weights=lesson.vgg_weights)
rgb = truth[:256, 128:384].astype("float32") / 255
bgr, mean = rgb[..., ::-1], np.float32(MEAN_BGR)


def fed(raw):
    """Return VGG54's features when `raw` is what its first convolution gets."""
    picture = ((raw + mean) / 255)[..., ::-1]
    return keras.ops.convert_to_numpy(vgg54(picture[None].astype("float32")))[0]


right = fed(255 * bgr - mean)
ways = {
    "as trained": 255 * bgr - mean,
    "RGB for BGR": 255 * rgb - mean[::-1],
    "mean not taken off": 255 * bgr,
    "[-1, 1]": 2 * bgr - 1,
    "[0, 1]": bgr,
}
print("what is fed           alike     zero   (correlation with the right features; share that is 0)")
for name, raw in ways.items():
    maps = fed(raw)
    alike = np.corrcoef(maps.ravel(), right.ravel())[0, 1] if maps.std() else 0.0
    print(f"{name:20s}{alike:6.2f} {np.mean(maps == 0):8.0%}")

# %% [markdown]
# A VGG that is fed [0, 1] sees an evenly grey picture, whatever is in it, and the loss trains on what is
# left. **Mended** by making the conversion a layer of the network.
#
# ## 6. PSNR of something else
#
# One picture, one truth, and the figures that different programs print for it:

# %%
from keras_sr.images.color import luma

sr = keras_sr.upscale(small)
x, y = (picture.astype("float64") / 255 for picture in (sr, truth))


def decibels(a, b, border=4):
    """PSNR of arrays in [0, 1], `border` pixels shaved off each side."""
    inside = (slice(border, -border or None),) * 2
    return -10 * np.log10(np.mean((a[inside] - b[inside]) ** 2))


def weighted(*weights):
    """PSNR of a weighted sum of the channels."""
    return decibels(x @ np.array(weights), y @ np.array(weights))


figures = {
    "the papers': Y of BT.601, 16 to 235, 4 pixels shaved": decibels(luma(x), luma(y)),
    "nothing shaved": decibels(luma(x), luma(y), 0),
    "the three channels of RGB": decibels(x, y),
    "Y from 0 to 255, as in JPEG": weighted(0.299, 0.587, 0.114),
    "a digit mistyped: 64.738 for 65.481": weighted(64.738 / 255, 128.553 / 255, 24.966 / 255),
    "BGR taken for RGB": weighted(24.966 / 255, 128.553 / 255, 65.481 / 255),
    "floor(255 x) instead of rounding": decibels(luma(np.maximum(x - 0.5 / 255, 0)), luma(y)),
}
for name, value in figures.items():
    print(f"{value:6.2f} dB  {name}")
print(f"{psnr(sr, truth, crop_border=4):6.2f} dB  keras_sr.metrics.psnr, to compare with the first")

# %%
both = np.stack([truth, np.full_like(truth, 128)]).astype("float32") / 255
noisy = both + np.float32([0.01, 0.2])[:, None, None, None]
whole = float(keras.ops.nn.psnr(noisy, both, max_val=1.0))
each = [decibels(a, b, 0) for a, b in zip(noisy, both, strict=True)]
print(f"two pictures, {each[0]:.1f} and {each[1]:.1f} dB: mean {np.mean(each):.1f};", end=" ")
print(f"keras.ops.nn.psnr of the batch {whole:.1f}")

# %% [markdown]
# Whole tables have been published in each of these. **Mended** by measuring bicubic first: it must give 28.43
# dB on Set5, 26.09 on Set14 and 25.96 on BSD100, or the program is wrong. `keras-sr benchmark` refuses to
# print a table otherwise.
#
# ## 7. LR of another kernel
#
# MATLAB's bicubic widens its kernel when it shrinks; OpenCV's bilinear looks at 4 of 16 pixels. A network
# knows only the kernel that it was trained on:

# %%
from keras_sr.data.degradations import bicubic, bilinear

rows = []
for name, shrink in {"MATLAB's bicubic": bicubic, "bilinear, no antialiasing": bilinear}.items():
    made = shrink(truth, 4)
    enlarged = keras_sr.upscale(made)
    plain = imresize(made, 4)
    figures = [psnr(picture, truth, crop_border=4) for picture in (enlarged, plain)]
    print("{:26s} network {:.2f} dB, bicubic {:.2f} dB".format(name, *figures))
    rows += [(f"LR, {name}", made), ("network", enlarged)]
lessons.panels(*rows, crop=(300, 60, 160), zoom=2)

# %% [markdown]
# **Mended** by training on the kernel that will be met, and by saying which it was. Real cameras have yet
# another, plus noise and JPEG; networks trained on MATLAB's kernel sharpen both.
#
# ## In short
#
# | defect | the program says | what finds it |
# |---|---|---|
# | batch norm's memory | nothing | SR in use against SR as in training |
# | transposed convolution | nothing | a flat picture |
# | order of the shuffle | nothing | a known picture after loading |
# | $D$ wins | a small loss of $D$ | its beliefs in HR and SR |
# | VGG's input | a falling loss | the conversion inside the network |
# | PSNR | a figure | bicubic's figure |
# | kernel of LR | a figure | bicubic's figure, again |
