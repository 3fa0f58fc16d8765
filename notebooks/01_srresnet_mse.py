# %% [markdown]
# # 1. SRResNet on the mean squared error
#
# A small picture $I^{LR}$ was made from a large one $I^{HR}$ by throwing pixels away. A network $G$ with
# weights $\theta$ is to give the large one back. Ledig et al. (CVPR 2017, [arXiv
# 1609.04802](https://arxiv.org/abs/1609.04802)) write what "training" means as their equation 1, over $N$
# pairs of crops:
#
# $$\hat\theta_G = \mathrm{argmin}_{\theta_G}\; \frac{1}{N}
# \sum_{n=1}^{N} l^{SR}\left(G_{\theta_G}(I_n^{LR}),\, I_n^{HR}\right)$$
#
# All six lessons minimise this. What differs is the loss $l^{SR}$, and this one takes the plainest: the mean
# squared error of pixels. It is the measure behind PSNR, so nothing reaches more decibels, and nothing looks
# softer.
#
# You will see the network, the loss and the step in full, train a small version here, and put it beside
# weights that were trained for hours.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image
BENCHMARK = ""  # a folder to measure on, or the name of a set you have, such as "BSD100"

from keras_sr import lessons

lesson = lessons.start("srresnet_mse", photos=PHOTOS, benchmark=BENCHMARK)

# %% [markdown]
# ## What the network sees
#
# Pairs of crops: HR of 64 x 64 pixels, and LR of 16 x 16 made from it by the kernel that the field has agreed
# on, MATLAB's bicubic `imresize`. The kernel is half of the task: a network learns to undo exactly this one.
# Pixels are RGB in [0, 1] everywhere in this library.

# %%
from keras_sr.data.batches import Batches

batches = Batches(lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", workers=1)
lr, hr = batches[0]
print("LR", lr.shape, "HR", hr.shape)
lessons.show_batch(lr, hr)

# %% [markdown]
# Cover the right one with your hand and try to draw it from the left one. Edges you can guess, the direction
# of a single hair you cannot. Keep that in mind: it is the reason for lessons 2 to 6.
#
# ## The network
#
# Two layers that Keras does not have in this form, and three that it has, as the network uses them. The PReLU
# learns one slope a channel for negative values. The pixel shuffle turns $C s^2$ channels of a small picture
# into $C$ channels of one $s$ times larger: enlarging by sorting, not by filling in.

# %% show keras_sr.models.blocks:ChannelPReLU, PixelShuffle, conv, normalize, prelu

# %% [markdown]
# And the network of the paper's figure 4: a head, 16 residual blocks at the small size, a skip around all of
# them, two stages of x2, a tail. It works at LR size for as long as it can, because a convolution at HR size
# costs 16 times as much.

# %% show keras_sr.models.srresnet:srresnet, residual_block, upsample

# %%
from keras_sr.export import receptive_field

full = srresnet(4)
print(f"the paper's network: {full.count_params():,} weights,", end=" ")
print(f"an SR pixel sees {2 * receptive_field(full) + 1} x {2 * receptive_field(full) + 1} LR pixels")

# %% [markdown]
# On two processor cores one step of that network takes most of a second, and the paper makes a million of
# them. So here is a smaller one, 24 features and 4 blocks. It is also built without batch normalisation:
# after 1,600 steps it gave the astronaut below 27.4 dB so, and 27.0 dB with it (lesson 7 shows what else
# batch normalisation does).

# %%
print("a network of the lessons:", lesson.small)
network = srresnet(4, **lesson.small)
print(lessons.summary(network))
print(f"an SR pixel sees {2 * receptive_field(network) + 1} x {2 * receptive_field(network) + 1} LR pixels")

# %% [markdown]
# ## The loss
#
# Equation 4, for LR of $W \times H$ pixels and a scale of $r$:
#
# $$l^{SR}_{MSE} = \frac{1}{r^2 W H} \sum_{x=1}^{rW} \sum_{y=1}^{rH}
# \left(I^{HR}_{x,y} - G_{\theta_G}(I^{LR})_{x,y}\right)^2$$
#
# The paper takes it of values in [-1, 1]. That makes it four times as large as in [0, 1], and every other
# weight in the paper was chosen beside it, so the loss keeps that range to itself. Equation 4 divides by the
# number of pixels; the code takes the mean over the three channels as well, so it gives a third of a sum over
# them.

# %% show keras_sr.losses.pixel:difference, mse

# %%
import math

guess = hr.mean(axis=(1, 2), keepdims=True) + 0 * hr  # every pixel the mean of its crop
loss = float(mse(guess, hr))
print(f"a flat guess: MSE {loss:.3f}, that is a PSNR of {10 * math.log10(4 / loss):.1f} dB in RGB")

# %% [markdown]
# ## The step
#
# A Keras model that holds the generator, a moving average of its weights (smoother than any one moment, and
# what is used in the end) and named loss terms. Keras' own `fit` does the rest, on whichever backend runs.

# %% show keras_sr.training.model:SuperResolution

# %% [markdown]
# ## Training, live
#
# About two minutes. The callback measures the average on the benchmark pictures on the way, as it would on
# BSD100, and writes sheets to look at.

# %%
import keras

from keras_sr.evaluation.callback import BenchmarkCallback

steps = lesson.steps(1920)
keras.utils.set_random_seed(0)
network, average = srresnet(4, **lesson.small), srresnet(4, **lesson.small)
model = SuperResolution(network, average, {"mse": (1.0, mse)}, ema=0.99)
model.compile(optimizer=lessons.optimizer(3e-3, steps), jit_compile=lessons.jit())
benchmark = BenchmarkCallback(
    lesson.benchmark, every_epochs=4, out_dir=lesson.fresh("01"), pictures=1, max_images=2
)
rows = lessons.train(model, batches, steps, callbacks=[benchmark])
lessons.save_base(lesson, average)  # the later lessons start from these

# %% [markdown]
# What to expect: the loss falls by a factor of ten in the first two hundred steps, in which the network
# learns what a plain interpolation knows, then it creeps. The last decibels are where the million steps go.

# %%
lessons.curves(
    rows, {"mse": "MSE on [-1, 1]", f"{benchmark.name}_psnr": "PSNR in dB, Y"}, logarithmic=("mse",)
)

# %%
lessons.sheets(benchmark.out_dir)

# %% [markdown]
# The first sheet and the last. Read the middle two: bicubic against the network. Edges have become sharper;
# where LR says nothing (hair, fur) both are smooth.
#
# ## Beside weights that were trained for hours

# %%
name, ready = lessons.shipped(lesson.name)
upscalers = {"this lesson": lessons.enlarge(average), f"{name} (ships)": lessons.enlarge(ready)}
print(lessons.compare(lesson.benchmark, upscalers, lesson.name))

# %%
lessons.faces(upscalers)

# %% [markdown]
# ## What goes wrong
#
# - **Every texture comes out as its mean.** Many HR pictures shrink to the same LR picture. The squared error
#   is smallest for the average of all of them, and an average of hairs is a blur. No training repairs that:
#   it *is* the optimum of equation 4. Lesson 2 changes the loss.
# - **Below bicubic for a long time.** This network has no ready enlargement to add to: it learns
#   interpolation first. With the paper's settings that takes thousands of steps.
# - **LR made another way.** Trained on one kernel and fed with another, a network sharpens too much or too
#   little.
#
# Try: `features=16`; a learning rate ten times higher, then `clipnorm`; train on pictures of one kind and
# measure on another.
