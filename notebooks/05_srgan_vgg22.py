# %% [markdown]
# # 5. SRGAN on VGG22: how much of a thousandth
#
# New against lesson 4: the content loss is lesson 2's VGG22. All parts are known by now, so this lesson is
# about the number that joins them, the $10^{-3}$ in the paper's equation 3,
#
# $$l^{SR} = \underbrace{l^{SR}_X}_{\text{content: stay near the truth}}
# + \underbrace{10^{-3}\, l^{SR}_{Gen}}_{\text{adversarial: look real}}$$
#
# It is no law of nature. It is the size of the one term beside the other: divide the features by something
# else than 12.75, and another number is right. So we train three times, with 0, with $10^{-3}$ and with ten
# times that.

# %%
# In Colab or a new environment, once:  %pip install "keras-sr[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image
BENCHMARK = ""  # a folder to measure on, or the name of a set you have, such as "BSD100"

from keras_sr import lessons

lesson = lessons.start("srgan_vgg22", photos=PHOTOS, benchmark=BENCHMARK, vgg=True)

# %%
from keras_sr.data.batches import Batches

batches = Batches(lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", seed=5, workers=1)
lr, hr = batches[0]
lessons.show_batch(lr, hr)

# %% [markdown]
# ## Networks, losses and step, as in lessons 1, 2 and 4

# %% show again keras_sr.models.blocks:ChannelPReLU, PixelShuffle

# %% show again keras_sr.models.srresnet:srresnet, residual_block, upsample

# %% show again keras_sr.models.discriminator:STAGES, discriminator, stage, spectral

# %% show again keras_sr.models.vgg:CaffePreprocessing, vgg19_features

# %% show again keras_sr.losses.content:FEATURE_SCALE, ContentLoss, feature_maps

# %% show again keras_sr.losses.adversarial:cross_entropy, bce_generator, bce_discriminator

# %% show again keras_sr.training.model:SuperResolution

# %% show again keras_sr.training.adversarial:SRGAN, call_constant

# %%
from keras_sr.export import receptive_field

start = srresnet(4, **lesson.small)
print(lessons.summary(start))
print("receptive field:", 2 * receptive_field(start) + 1, "LR pixels wide")
print(lessons.base_weights(lesson, start))

# %% [markdown]
# ## Before training: how large is each term?
#
# Of lesson 1's network on one batch, with a discriminator that knows nothing yet:

# %%
import keras

from keras_sr.losses.pixel import mse

vgg22 = vgg19_features(("block2_conv2",), weights=lesson.vgg_weights)
content = ContentLoss(vgg22)
keras.utils.set_random_seed(0)
sr = start(lr)
ignorant = discriminator(64, features=8 if lesson.smoke else 32)
guess = float(bce_generator(ignorant(hr), ignorant(sr)))
print(f"VGG22 {float(content(sr, hr)):.4f}   MSE {float(mse(sr, hr)):.4f}", end="   ")
print(f"-log D(SR) {guess:.3f}, times 1e-3: {guess / 1000:.5f}")

# %% [markdown]
# The sum is ruled by the content, as it should be: the discriminator is to choose among pictures that fit,
# not to paint another one. When it gets better at finding $G$ out, $-\log D$ grows to 3 or 5, and its say
# with it.
#
# ## Three trainings from the same start

# %%
from keras_sr.evaluation.callback import BenchmarkCallback


def srgan(weight, steps, callbacks=()):
    """Train from lesson 1's weights with one adversarial weight; return the average's network and the log."""
    keras.utils.set_random_seed(0)
    network, average = srresnet(4, **lesson.small), srresnet(4, **lesson.small)
    network.set_weights(start.get_weights())
    judge = discriminator(64, features=8 if lesson.smoke else 32)
    terms = {"content": (1.0, content), "mse": (0.0, mse)}
    pair = (bce_generator, bce_discriminator)
    gan = SRGAN(network, average, judge, terms, weight, pair, ema=0.99, frozen=[vgg22])
    optimizers = gan.two_optimizers(lessons.optimizer(5e-4, steps), lessons.optimizer(5e-4, steps))
    gan.compile(optimizer=optimizers, jit_compile=lessons.jit())
    return average, lessons.train(gan, batches, steps, callbacks=list(callbacks), lines=2)


benchmark = BenchmarkCallback(
    lesson.benchmark, every_epochs=4, out_dir=lesson.fresh("05"), pictures=1, max_images=2
)
networks, logs = {}, {}
for weight in (0.0, 1e-3, 1e-2):
    print(f"adversarial weight {weight:g}")
    callbacks = [benchmark] if weight == 1e-3 else []
    networks[weight], logs[weight] = srgan(weight, lesson.steps(192), callbacks)

# %% [markdown]
# The curves of the middle one, the paper's:

# %%
lessons.curves(
    logs[1e-3],
    {
        "content": "VGG22 loss",
        "adversarial": "-log D(SR), equation 6",
        "discriminator": "D's loss",
        "d_hr": "D's belief in HR",
        "d_sr": "D's belief in SR",
        f"{benchmark.name}_psnr": "PSNR in dB, Y",
    },
    marks={"d_hr": 0.5, "d_sr": 0.5},
)

# %%
lessons.sheets(benchmark.out_dir)

# %% [markdown]
# And the three side by side. What to expect: with 0, lesson 2; with $10^{-3}$ hardly a difference yet, in so
# few steps; with $10^{-2}$ the grain is there, and the decibels are gone.

# %%
lessons.faces({f"weight {weight:g}": lessons.enlarge(network) for weight, network in networks.items()})

# %%
name, ready = lessons.shipped(lesson.name)
upscalers = {
    "lesson 1": lessons.enlarge(start),
    **{f"weight {weight:g}": lessons.enlarge(network) for weight, network in networks.items()},
    f"{name} (ships)": lessons.enlarge(ready),
}
print(lessons.compare(lesson.benchmark, upscalers, lesson.name))

# %%
lessons.faces({"this lesson": upscalers["weight 0.001"], f"{name} (ships)": upscalers[f"{name} (ships)"]})

# %% [markdown]
# ## What goes wrong
#
# - **A weight copied from another code base.** One implementation has 1e-3 on a sum of squares, one on a
#   mean; one has images in [0, 1], so its MSE is a quarter. The number is the same and means something else.
# - **Judging by one number.** Rank the three by PSNR and 0 wins; rank them by sharpness and noise wins. This
#   is why the paper asked 26 people.
# - **A comparison with two differences.** All three start alike, see the same batches and end after as many
#   steps. Otherwise nothing follows.
#
# Try: 3e-3; the weight 1e-2 for the first half and 1e-3 after it.
