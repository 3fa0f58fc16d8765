# %% [markdown]
# # 6. SRGAN on VGG54: the paper's SRGAN
#
# New against lesson 5: `block5_conv4` again, and a look at what is bought and what is paid. Lesson 3 showed
# that this loss does not mind where a texture lies, and that alone it is free to do anything. Beside a
# discriminator that freedom is the point: $D$ says *what* looks real, VGG54 says *what kind of thing* is
# there, nobody insists on *which pixel*. It is what the paper calls SRGAN:
#
# $$l^{SR} = l^{SR}_{VGG/5.4} + 10^{-3}\, l^{SR}_{Gen} \quad \text{(equation 3)} \qquad
# l^{SR}_{Gen} = -\log D\big(G(I^{LR})\big) \quad \text{(equation 6)}$$
#
# $$l^{SR}_{VGG/i.j} = \frac{1}{W_{i,j} H_{i,j}} \sum_{x=1}^{W_{i,j}} \sum_{y=1}^{H_{i,j}}
# \Big(\phi_{i,j}(I^{HR})_{x,y} - \phi_{i,j}\big(G(I^{LR})\big)_{x,y}\Big)^2 \quad \text{(equation 5)}$$
#
# The code takes means over all axes, channels too, where equation 5 divides by width and height alone: its
# VGG54 loss is the paper's over 512, the channels of `block5_conv4`. Equation 4, the MSE, has three channels
# in place of 512. Nothing else changes, but a weight taken from the paper, the $10^{-3}$ above, means another
# balance here. `FEATURE_SCALE`, the paper's 1 / 12.75, comes before the square.
#
# In the paper's test 26 people gave it 3.56 of 5 on BSD100 and SRResNet 2.29, although it has 2.4 dB less.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image
BENCHMARK = ""  # a folder to measure on, or the name of a set you have, such as "BSD100"

from keras_sr import lessons

lesson = lessons.start("srgan_vgg54", photos=PHOTOS, benchmark=BENCHMARK, vgg=True)

# %%
from keras_sr.data.batches import Batches

batches = Batches(lesson.photos, batch_size=4, hr_crop=48, weight_by="picture", seed=6, workers=1)
busiest = max(range(40), key=lambda i: batches[i][1].std(axis=(1, 2)).mean(axis=1).min())
lessons.show_batch(*batches[busiest])

# %% [markdown]
# ## Networks, losses and step, as in lessons 1 to 4

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

network, average = srresnet(4, **lesson.small), srresnet(4, **lesson.small)
print(lessons.summary(network))
print("receptive field:", 2 * receptive_field(network) + 1, "LR pixels wide")
print(lessons.base_weights(lesson, network))
before = srresnet(4, **lesson.small)
before.set_weights(network.get_weights())

# %% [markdown]
# ## Training
#
# The paper: 100,000 updates at $10^{-4}$, as many at $10^{-5}$, on 350,000 photographs. Here: some minutes on
# eight. In that time colours that have walked off (lesson 3) do not come back, so here, and only here, the
# MSE has a say as well. Implementations that never take it out again get more decibels than the paper, and
# softer pictures.

# %%
import keras

from keras_sr.evaluation.callback import BenchmarkCallback
from keras_sr.losses.pixel import mse

vgg54 = vgg19_features(("block5_conv4",), weights=lesson.vgg_weights)
print("trained on:", vgg54.layers[-2].name)
steps = lesson.steps(384)
keras.utils.set_random_seed(0)
judge = discriminator(48, features=8 if lesson.smoke else 32)
terms = {"content": (1.0, ContentLoss(vgg54)), "mse": (1.0, mse)}  # the paper: no MSE
gan = SRGAN(
    network, average, judge, terms, 1e-3, (bce_generator, bce_discriminator), ema=0.99, frozen=[vgg54]
)
optimizers = gan.two_optimizers(lessons.optimizer(5e-4, steps), lessons.optimizer(5e-4, steps))
gan.compile(optimizer=optimizers, jit_compile=lessons.jit())
benchmark = BenchmarkCallback(
    lesson.benchmark, every_epochs=4, out_dir=lesson.fresh("06"), pictures=1, max_images=2
)
rows = lessons.train(gan, batches, steps, callbacks=[benchmark])

# %%
lessons.curves(
    rows,
    {
        "content": "VGG54 loss",
        "mse": "MSE",
        "adversarial": "-log D(SR), equation 6",
        "d_hr": "D's belief in HR",
        "d_sr": "D's belief in SR",
        f"{benchmark.name}_psnr": "PSNR in dB, Y",
    },
    marks={"d_hr": 0.5, "d_sr": 0.5},
)

# %%
lessons.sheets(benchmark.out_dir)

# %% [markdown]
# Minutes on eight photographs do not buy what this loss promises: the network above has learned to please a
# judge that is as new as itself. What it takes is hours, so the rest of this page looks at weights that have
# had them.
#
# ## What is bought, what is paid
#
# `srgan_vgg54` that ships was trained from `srresnet_mse` that ships: one network, two losses. Two networks
# that started from the same weights can be mixed weight by weight (ESRGAN, [arXiv
# 1809.00219](https://arxiv.org/abs/1809.00219), section 3.4): $\theta = (1 - a)\, \theta_{MSE} + a\,
# \theta_{GAN}$. Nothing is trained, and every step between is a network of its own. So the whole bargain can
# be drawn. What is bought shows in LPIPS, the distance of features of another network, trained on what people
# call alike ([arXiv 1801.03924](https://arxiv.org/abs/1801.03924)): the lower, the nearer to HR *for an eye*.

# %%
import numpy as np

from keras_sr.images.resize import imresize
from keras_sr.metrics import lpips, lr_consistency, psnr
from keras_sr.weights.load import load

name, gan_vgg54 = lessons.shipped("srgan_vgg54")
_, mse_alone = lessons.shipped("srresnet_mse")
mixed, there = load("srgan_vgg54", data_format="channels_last"), gan_vgg54.get_weights()
truths = [lessons.sample("astronaut")[40:232, 120:312], lessons.sample("chelsea")[60:252, 100:292]]
smalls = [imresize(truth, 1 / 4) for truth in truths]
bargain, between = [], {}
for share in np.linspace(0, 1, 2 if lesson.smoke else 6):
    pairs = zip(mse_alone.get_weights(), there, strict=True)
    mixed.set_weights([(1 - share) * a + share * b for a, b in pairs])
    srs = [lessons.pixels(lessons.enlarge(mixed)(small)) for small in smalls]
    between[f"a = {share:.1f}"] = srs
    measured = [
        (psnr(sr, hr, crop_border=4), lpips(sr, hr), lr_consistency(sr, lr))
        for sr, hr, lr in zip(srs, truths, smalls, strict=True)
    ]
    figures = np.mean(measured, axis=0)
    bargain.append({"step": share, **dict(zip(("psnr", "lpips", "lr"), figures, strict=True))})
titles = {"psnr": "PSNR in dB, Y (paid)", "lpips": "LPIPS (bought)", "lr": "PSNR of SR made small, dB"}
lessons.curves(bargain, titles, x="a, the share of the GAN's weights")

# %% [markdown]
# ## A face and fur, at 100 %

# %%
ends = [key for key in between if key in ("a = 0.0", "a = 0.6", "a = 1.0")]
lessons.panels(*[(key, between[key][0]) for key in ends], ("HR", truths[0]), caption="a = 0 is MSE alone")

# %%
lessons.panels(*[(key, between[key][1]) for key in ends], ("HR", truths[1]))

# %% [markdown]
# Both ends shrink back to LR well; the networks between them, which nobody has trained, do so less well.
#
# On the left every hair that LR leaves open is the mean of all hairs that it might be: a smear, and by PSNR
# the best there is. On the right the network has decided, and is wrong about nearly every hair. That is
# why PSNR falls. Say a pixel is 0 or 1 with equal chance: the mean, 0.5, has a squared error of 0.25 for
# certain, a guess 0.5 on average, three decibels worse, although only the guess looks like a pixel of the
# picture. A discriminator pays for guesses, the MSE for means.
#
# Blau and Michaeli (CVPR 2018, [arXiv 1711.06077](https://arxiv.org/abs/1711.06077)) proved that it has to be
# so: no method has the least error and the most natural pictures at once. Where on the curve you want to be
# depends on what the picture is for. `keras-sr upscale --detail 0.6` is a point on this very line.
#
# ## Beside what ships

# %%
upscalers = {
    "lesson 1": lessons.enlarge(before),
    "this lesson": lessons.enlarge(average),
    f"{name} (ships)": lessons.enlarge(gan_vgg54),
}
print(lessons.compare(lesson.benchmark, upscalers, lesson.name))

# %%
lessons.faces(upscalers)

# %% [markdown]
# ## What goes wrong
#
# - **Small faces.** Eyes and teeth of a few LR pixels are where a guess is seen at once: a second lip, an eye
#   too many. `--detail 0.6` is calmer there.
# - **Invented detail is taken for evidence.** Teeth, letters, number plates, cells: SRGAN writes what is
#   likely, not what was there. Never enlarge so what has to be read.
# - **A figure without its protocol.** The paper's SSIM is another package's and 0.025 higher than the usual
#   one; PSNR in RGB is 1.3 to 1.7 dB lower than on Y.
# - **Too soon.** The first thousands of steps look worse than lesson 1. Whoever judges there turns the wrong
#   knobs.
#
# Try: `keras-sr train srgan_vgg54 --data photos/ --quick` overnight, on your own photographs: the paper's
# network, from the weights that ship.
