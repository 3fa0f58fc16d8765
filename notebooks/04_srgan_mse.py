# %% [markdown]
# # 4. SRGAN on MSE: a second network that says "false"
#
# New against lesson 1: a discriminator $D$, its loss, and a step that trains two networks at once. The
# content loss is the MSE again, so that whatever looks different here is the discriminator's doing.
#
# $D$ is shown crops, real ones and enlarged ones, and learns to tell which is which. $G$ learns to be taken
# for real. Equation 2:
#
# $$\min_{\theta_G} \max_{\theta_D}\; \mathbb{E}\left[\log D_{\theta_D}(I^{HR})\right]
# + \mathbb{E}\left[\log\left(1 - D_{\theta_D}(G_{\theta_G}(I^{LR}))\right)\right]$$
#
# An average of all possible hairs is told from hair at a glance. To pass, $G$ has to choose one. That is the
# whole idea.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image
BENCHMARK = ""  # a folder to measure on, or the name of a set you have, such as "BSD100"

from keras_sr import lessons

lesson = lessons.start("srgan_mse", photos=PHOTOS, benchmark=BENCHMARK)

# %%
from keras_sr.data.batches import Batches

batches = Batches(lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", seed=4, workers=1)
lr, hr = batches[0]
lessons.show_batch(lr, hr)

# %% [markdown]
# ## The generator, as in lesson 1

# %% show again keras_sr.models.blocks:ChannelPReLU, PixelShuffle, conv, normalize, prelu

# %% show again keras_sr.models.srresnet:srresnet, residual_block, upsample

# %%
from keras_sr.export import receptive_field

network, average = srresnet(4, **lesson.small), srresnet(4, **lesson.small)
print(lessons.summary(network))
print("receptive field:", 2 * receptive_field(network) + 1, "LR pixels wide")

# %% [markdown]
# ## The discriminator
#
# Figure 4 of the paper, below: eight convolutions, every second one halves the size, two dense layers, one
# number. It works on crops of one size only, because of the dense layers. That number is a *logit* here, the
# sigmoid is in the loss: $\log(1 - \sigma(z))$ of a large $z$ is minus infinity on a computer, unless it is
# computed in one piece.

# %% show keras_sr.models.discriminator:STAGES, discriminator, stage

# %%
judge = discriminator(64, features=8 if lesson.smoke else 32)
print(lessons.summary(judge))

# %% [markdown]
# ## The losses
#
# $D$ minimises the cross-entropy of equation 2. For $G$ the paper replaces $\log(1 - D)$ by equation 6,
#
# $$l^{SR}_{Gen} = \sum_{n=1}^{N} -\log D_{\theta_D}(G_{\theta_G}(I^{LR}))$$
#
# whose gradient is large where $G$ is found out and small where it passes; the other way round it would learn
# least when it has most to learn. And equation 3 puts both wishes together, content and adversarial, as 1 to
# a thousandth:
#
# $$l^{SR} = l^{SR}_X + 10^{-3}\, l^{SR}_{Gen}$$

# %% show keras_sr.losses.pixel:difference, mse

# %% show keras_sr.losses.adversarial:cross_entropy, bce_generator, bce_discriminator

# %%
import numpy as np

logits = np.float32([-6, -3, 0, 3])
print("D's logit of SR          ", *(f"{z:7.0f}" for z in logits))
print("slope of log(1 - D)      ", *(f"{-1 / (1 + np.exp(-z)):7.3f}" for z in logits))
print("slope of -log D (eq. 6)  ", *(f"{-1 / (1 + np.exp(z)):7.3f}" for z in logits))

# %% [markdown]
# ## The step
#
# The base is lesson 1's model. Two gradients have to be kept apart: the adversarial one passes *through* $D$
# to $G$ and must not move $D$; $D$'s own must not reach $G$. `call_constant` and `stop_gradient` see to that,
# and one sum of all terms can then be left to `fit`, on TensorFlow, JAX and PyTorch alike.

# %% show again keras_sr.training.model:SuperResolution

# %% show keras_sr.training.srgan:SRGAN, call_constant

# %% [markdown]
# Is it true? One step with the rate of one of them at zero, and we look at who has moved:

# %%
import keras


def moved(generator_rate, discriminator_rate):
    """Return how far G's and D's weights move in one step of plain gradient descent."""
    keras.utils.set_random_seed(0)
    g, d = srresnet(4, **lesson.small), discriminator(64, features=8)
    gan = SRGAN(g, None, d, {"mse": (1.0, mse)}, 1e-3, (bce_generator, bce_discriminator))
    rates = (keras.optimizers.SGD(generator_rate), keras.optimizers.SGD(discriminator_rate))
    gan.compile(optimizer=gan.two_optimizers(*rates), jit_compile=lessons.jit())
    before = [[np.array(w) for w in network.trainable_variables] for network in (g, d)]
    gan.train_on_batch(lr, hr)
    after = [[np.array(w) for w in network.trainable_variables] for network in (g, d)]
    pairs = [zip(*pair, strict=True) for pair in zip(before, after, strict=True)]
    return [max(np.abs(a - b).max() for a, b in pair) for pair in pairs]


for rates in ((1e-3, 0.0), (0.0, 1e-3)):
    print("rates of G and D {}: G moved by {:.1e}, D by {:.1e}".format(rates, *moved(*rates)))

# %% [markdown]
# ## Training
#
# From lesson 1's weights, as the paper does. The rates are five times the paper's, because there are hundreds
# of steps and not 200,000.

# %%
from keras_sr.evaluation.callback import BenchmarkCallback

print(lessons.base_weights(lesson, network))
before = srresnet(4, **lesson.small)
before.set_weights(network.get_weights())

steps = lesson.steps(480)
keras.utils.set_random_seed(0)
gan = SRGAN(network, average, judge, {"mse": (1.0, mse)}, 1e-3, (bce_generator, bce_discriminator), ema=0.99)
optimizers = gan.two_optimizers(lessons.optimizer(5e-4, steps), lessons.optimizer(5e-4, steps))
gan.compile(optimizer=optimizers, jit_compile=lessons.jit())
benchmark = BenchmarkCallback(
    lesson.benchmark, every_epochs=4, out_dir=lesson.fresh("04"), pictures=1, max_images=2
)
rows = lessons.train(gan, batches, steps, callbacks=[benchmark])

# %%
lessons.curves(
    rows,
    {
        "mse": "MSE",
        "adversarial": "-log D(SR), equation 6",
        "discriminator": "D's loss",
        "d_hr": "D's belief in HR",
        "d_sr": "D's belief in SR",
        f"{benchmark.name}_psnr": "PSNR in dB, Y",
    },
    marks={"d_hr": 0.5, "d_sr": 0.5},
)

# %% [markdown]
# Read the two beliefs together. Both near one half (the dashed line): $D$ is guessing, the game is fair. HR
# near 1 and SR near 0: $D$ has won, and $G$ learns only how badly it does. The PSNR falls, and it has to: one
# chosen hair in a wrong place costs more than no hair.

# %%
lessons.sheets(benchmark.out_dir)

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
# - **The MSE holds it back.** Content and discriminator want opposite things here: one asks for the average,
#   the other forbids it. Lessons 5 and 6 take a content loss that leaves room.
# - **Noise instead of texture.** Grain is the cheapest thing that looks less smooth. After hundreds of steps
#   that is what you see; hair comes after a hundred thousand.
# - **$D$ wins** (lesson 7 makes it happen, and mends it).
# - **The adversarial loss is logged and its gradient goes nowhere**: this happens in published trainers. The
#   test above takes one line.
#
# Try: `ADVERSARIAL["relativistic"]` from `keras_sr.losses`; an adversarial weight of 1e-2; no start from
# lesson 1.
