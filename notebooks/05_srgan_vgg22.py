# %% [markdown]
# # 5. SRGAN on VGG22: how much of a thousandth
#
# New against lesson 4: the content loss is lesson 2's VGG22. All parts are known by now, so this lesson is
# about the number that joins them, the $10^{-3}$ in the paper's equation 3,
#
# $$l^{SR} = l^{SR}_X + 10^{-3}\, l^{SR}_{Gen}$$
#
# content, "stay near the truth", and adversarial, "look real".
#
# It is no law of nature. It is the size of the one term beside the other, and that depends on the layer, on
# what VGG is fed, and on what its features are divided by. So we look at the sizes first, and then train
# three times.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
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

# %% show again keras_sr.models.blocks:ChannelPReLU, PixelShuffle, conv, normalize, prelu

# %% show again keras_sr.models.srresnet:srresnet, residual_block, upsample

# %% show again keras_sr.models.discriminator:STAGES, discriminator, stage

# %% show again keras_sr.models.vgg:CaffePreprocessing, vgg19_features

# %% show again keras_sr.losses.content:FEATURE_SCALE, ContentLoss, feature_maps

# %% show again keras_sr.losses.adversarial:cross_entropy, bce_generator, bce_discriminator

# %% show again keras_sr.training.model:SuperResolution

# %% show again keras_sr.training.srgan:SRGAN, call_constant

# %%
from keras_sr.export import receptive_field

start = srresnet(4, **lesson.small)
print(lessons.summary(start))
print("receptive field:", 2 * receptive_field(start) + 1, "LR pixels wide")
print(lessons.base_weights(lesson, start))

# %% [markdown]
# ## Before training: how large is each term?
#
# Of lesson 1's network on a few batches, with a discriminator that knows nothing yet:

# %%
import keras
import numpy as np

from keras_sr.losses.pixel import mse

vgg22 = vgg19_features(("block2_conv2",), weights=lesson.vgg_weights)
content = ContentLoss(vgg22)
keras.utils.set_random_seed(0)
ignorant = discriminator(64, features=8 if lesson.smoke else 32)
sizes = []
for i in range(4):
    lr, hr = batches[i]
    sr = start(lr)
    terms = content(sr, hr), mse(sr, hr), bce_generator(ignorant(hr), ignorant(sr))
    sizes.append([float(keras.ops.convert_to_numpy(term)) for term in terms])
vgg22_size, mse_size, adversarial_size = np.mean(sizes, axis=0)
print(f"VGG22 {vgg22_size:.4g}, MSE {mse_size:.4g}, -log D(SR) {adversarial_size:.2f}, a thousandth of that")
balanced = float(1e-3 * vgg22_size / mse_size)
print(f"a thousandth stands to the MSE as {balanced:.2g} to VGG22")

# %% [markdown]
# The paper divides features by 12.75 so that this loss has the size of the MSE, and gives one weight for all
# variants. That fits VGG54 (lesson 3: a tenth to a few tenths). With the features of this VGG19 it does not
# fit VGG22, by four orders of magnitude: a thousandth of the adversarial loss beside *that* is nothing. The
# recipe `srgan_vgg22` of this library has the paper's number; whoever trains it should know.
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
weights = {"a thousandth": 1e-3, "balanced": balanced, "five times that": 5 * balanced}
for label, weight in weights.items():
    print(f"{label}: adversarial weight {weight:.2g}")
    callbacks = [benchmark] if label == "balanced" else []
    networks[label], logs[label] = srgan(weight, lesson.steps(144), callbacks)

# %% [markdown]
# The curves of the balanced one:

# %%
lessons.curves(
    logs["balanced"],
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
# And the three side by side. With a thousandth the discriminator is a spectator, and this is lesson 2: it
# finds $G$ out more and more surely, and $G$ does not answer. Balanced, both learn, and sharpness is gained
# at about the same PSNR. With five times that, VGG22 cannot hold even the colours.

# %%
lessons.faces({label: lessons.enlarge(network) for label, network in networks.items()})

# %%
name, ready = lessons.shipped(lesson.name)
upscalers = {
    "lesson 1": lessons.enlarge(start),
    **{label: lessons.enlarge(network) for label, network in networks.items()},
    f"{name} (ships)": lessons.enlarge(ready),
}
print(lessons.compare(lesson.benchmark, upscalers, lesson.name))

# %%
lessons.faces({label: upscalers[label] for label in ("lesson 1", "balanced", f"{name} (ships)")})

# %% [markdown]
# ## What goes wrong
#
# - **A weight copied from another code base.** Features of VGG fed with 0...255 or with [0, 1], divided by
#   12.75 or not, summed or averaged, MSE in [-1, 1] or in [0, 1]: the number is the same and means something
#   else each time.
# - **A term that is logged and has no say.** In the printed lines of the first training $D$'s loss falls
#   fastest. It looks as if $D$ won; it only plays alone. Multiply a loss by its weight before you believe its
#   curve.
# - **Judging by one number.** Rank the three by PSNR, then by sharpness. This is why the paper asked people.
# - **A comparison with two differences.** All three start alike, see the same batches and end after as many
#   steps. Otherwise nothing follows.
#
# Try: features divided by 1275 instead, `ContentLoss(vgg22, scale=1 / 1275)`, and the paper's thousandth.
