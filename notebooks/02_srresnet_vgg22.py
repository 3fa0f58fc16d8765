# %% [markdown]
# # 2. SRResNet on VGG22: comparing what is seen
#
# New against lesson 1: the loss, and nothing else. Network and step are in this page too, folded, because the
# page runs on its own.
#
# Lesson 1 ended with a blur that is the optimum of its loss. The paper's way out (section 2.2.1) is to
# compare not pixels but what a network that knows photographs makes of them. Let $\phi_{i,j}$ be the feature
# map of VGG19 after the $j$-th convolution (and its ReLU) before the $i$-th max-pooling, of $W_{i,j} \times
# H_{i,j}$ pixels. Equation 5:
#
# $$l^{SR}_{VGG/i.j} = \frac{1}{W_{i,j} H_{i,j}} \sum_{x=1}^{W_{i,j}} \sum_{y=1}^{H_{i,j}}
# \left(\phi_{i,j}(I^{HR})_{x,y} - \phi_{i,j}(G_{\theta_G}(I^{LR}))_{x,y}\right)^2$$
#
# VGG22 is $\phi_{2,2}$, the layer `block2_conv2`: early, so it still knows where things are. It sees edges,
# corners and simple textures.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image
BENCHMARK = ""  # a folder to measure on, or the name of a set you have, such as "BSD100"

from keras_sr import lessons

lesson = lessons.start("srresnet_vgg22", photos=PHOTOS, benchmark=BENCHMARK, vgg=True)

# %%
from keras_sr.data.batches import Batches

batches = Batches(lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", seed=2, workers=1)
lr, hr = batches[0]
lessons.show_batch(lr, hr)

# %% [markdown]
# ## The network, as in lesson 1

# %% show again keras_sr.models.blocks:ChannelPReLU, PixelShuffle, conv, normalize, prelu

# %% show again keras_sr.models.srresnet:srresnet, residual_block, upsample

# %%
from keras_sr.export import receptive_field

network, average = srresnet(4, **lesson.small), srresnet(4, **lesson.small)
print(lessons.summary(network))
print("receptive field:", 2 * receptive_field(network) + 1, "LR pixels wide")

# %% [markdown]
# ## The loss
#
# VGG19 was trained by people who fed it BGR in 0...255 minus the mean colour of ImageNet. Whoever feeds it
# anything else gets features of another picture, and no error (lesson 7 measures that). Here the conversion
# is a layer of the network, so that it cannot be forgotten:

# %% show keras_sr.models.vgg:CaffePreprocessing, vgg19_features

# %% [markdown]
# The paper divides features by 12.75 to bring the loss to the size of the MSE. Squared, that is a factor of
# 0.006. Equation 5 divides by $W_{i,j} H_{i,j}$ alone; the code divides by the number of channels, too, which
# is 128 for VGG22 and 512 for VGG54. Mind that when you compare weights of losses with another program's.

# %% show keras_sr.losses.content:FEATURE_SCALE, ContentLoss, feature_maps

# %%
vgg22 = vgg19_features(("block2_conv2",), weights=lesson.vgg_weights)
content = ContentLoss(vgg22)

# %% [markdown]
# What does it look at? Four of its 128 channels for a cat, at half the size, dark where nothing fires:

# %%
import numpy as np

cat = lessons.sample("chelsea")[40:200, 130:290]
from keras import ops

maps = ops.convert_to_numpy(feature_maps(vgg22, cat[None].astype("float32") / 255)[0])[0]
chosen = np.argsort(-maps.std(axis=(0, 1)))[[0, 4, 16, 48]]
channels = [maps[..., c] / maps[..., c].max() for c in chosen]
lessons.panels(
    ("HR", cat), *((f"channel {c}", np.stack([m] * 3, 2)) for c, m in zip(chosen, channels, strict=True))
)

# %% [markdown]
# ## Which mistakes does it see?
#
# Five ways to be wrong, each tuned to the same squared error. A loss on pixels calls them equal. This one
# does not.

# %%
from keras_sr.losses.pixel import mse


def equally_wrong(truth, wrong, target):
    """Mix truth and mistake so that the MSE is `target`."""
    return truth + (wrong - truth) * float(np.sqrt(target / float(mse(wrong, truth))))


truth = (cat[None] / 255).astype("float32")
rng = np.random.default_rng(0)
blurred = sum(np.roll(truth, (y, x), (1, 2)) for y in (-2, 0, 2) for x in (-2, 0, 2)) / 9
mistakes = {
    "blur": blurred,
    "noise": truth + rng.normal(0, 0.1, truth.shape).astype("float32"),
    "brighter": truth + 0.1,
    "moved": np.roll(truth, 1, 2),
    "checkers": truth + 0.1 * (1 - 2.0 * (np.indices(truth.shape[1:3]).sum(0) % 2))[None, ..., None],
}
mistakes = {name: equally_wrong(truth, wrong, 0.004).astype("float32") for name, wrong in mistakes.items()}
for name, wrong in mistakes.items():
    print(f"{name:10s} MSE {float(mse(wrong, truth)):.4f}   VGG22 {float(content(wrong, truth)):.4f}")
lessons.panels(*((name, np.clip(wrong[0], 0, 1)) for name, wrong in mistakes.items()), ("HR", cat))

# %% [markdown]
# It minds a blur most and forgives a little more light, as we do. It is also nearly blind to a checkerboard
# of single pixels, which we are not; remember that for the end of this page.
#
# One more number to remember: these values are four orders of magnitude above the MSE of 0.004. The factor of
# 1/12.75 brings deep features to the size of the MSE (lesson 3), not those of this layer.
#
# ## The step, as in lesson 1, and training
#
# The paper starts every variant from the MSE network "to avoid undesired local optima", and so do we: from
# lesson 1's weights. The MSE is logged too, with a weight of 0: to be watched, not followed.

# %% show again keras_sr.training.model:SuperResolution

# %%
import keras

from keras_sr.evaluation.callback import BenchmarkCallback

print(lessons.base_weights(lesson, network))
before = srresnet(4, **lesson.small)
before.set_weights(network.get_weights())

steps = lesson.steps(480)
keras.utils.set_random_seed(0)
terms = {"content": (1.0, content), "mse": (0.0, mse)}
model = SuperResolution(network, average, terms, ema=0.99, frozen=[vgg22])
model.compile(optimizer=lessons.optimizer(1e-3, steps), jit_compile=lessons.jit())
benchmark = BenchmarkCallback(
    lesson.benchmark, every_epochs=4, out_dir=lesson.fresh("02"), pictures=1, max_images=2
)
rows = lessons.train(model, batches, steps, callbacks=[benchmark])

# %%
lessons.curves(
    rows, {"content": "VGG22 loss", "mse": "MSE (watched only)", f"{benchmark.name}_psnr": "PSNR in dB, Y"}
)

# %% [markdown]
# What to expect: the content loss falls by a quarter, slowly and noisily, and a decibel of PSNR goes within
# the first steps. That is the price of the edges and the grain that VGG19 asks for.

# %%
lessons.sheets(benchmark.out_dir)

# %% [markdown]
# ## Beside lesson 1, and beside what ships

# %%
name, ready = lessons.shipped(lesson.name)
upscalers = {
    "lesson 1": lessons.enlarge(before),
    "this lesson": lessons.enlarge(average),
    f"{name} (ships)": lessons.enlarge(ready),
}
print(lessons.compare(lesson.benchmark, upscalers, lesson.name))

# %%
lessons.faces(upscalers)

# %% [markdown]
# ## What goes wrong
#
# - **A fine grid.** Look at cheeks and sky in the pictures above. VGG19 hardly sees patterns of a pixel or
#   two (the table has said so), and a generator finds every place where its loss is blind.
# - **Colours drift.** The loss hardly minds a change that is the same everywhere. From noise instead of from
#   lesson 1's weights it takes long to find the right colours. The weights that ship have one more term for
#   that, `keras_sr.losses.consistency`: the MSE of averages over 4x4 pixels, which is what LR can tell.
# - **It is still an average.** Of all HR pictures that fit, now in feature space: less blurred, but no
#   texture is *chosen*. For that somebody has to insist that the result look real: lessons 4 to 6.
#
# Try: `before_activation=True`, as ESRGAN does; a weight of 1 for the MSE as well; `block1_conv2`;
# `"consistency": (1e4, lambda sr, hr: consistency(sr, hr, 4))` among the terms.
