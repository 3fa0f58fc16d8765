# %% [markdown]
# # 6. SRGAN on VGG54: the paper's SRGAN
#
# New against lesson 5: `block5_conv4` again, and a look at what is bought and what is paid. Lesson 3 showed
# that this loss does not mind where a texture lies, and that alone it is free to do anything. Beside a
# discriminator that freedom is the point: $D$ says *what* looks real, VGG54 says *what kind of thing* is
# there, nobody insists on *which pixel*. It is equation 3 with $X = VGG/5.4$, and what the paper calls SRGAN.
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
lr, hr = batches[0]
lessons.show_batch(lr, hr)

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
# ## What is bought, what is paid
#
# Two networks that started from the same weights can be mixed weight by weight (ESRGAN, [arXiv
# 1809.00219](https://arxiv.org/abs/1809.00219), section 3.4): $\theta = (1 - a)\, \theta_{MSE} + a\,
# \theta_{GAN}$. Nothing is trained, and every step between is a network of its own. So the whole bargain can
# be drawn: PSNR against sharpness, and against how well SR, made small again, gives back the LR it came from.

# %%
import numpy as np

from keras_sr.images.resize import imresize
from keras_sr.metrics import lr_consistency, psnr, sharpness

truth = lessons.sample("astronaut")
small = imresize(truth, 1 / 4)
mixed = srresnet(4, **lesson.small)
bargain = []
for share in np.linspace(0, 1, 2 if lesson.smoke else 6):
    pairs = zip(before.get_weights(), average.get_weights(), strict=True)
    mixed.set_weights([(1 - share) * a + share * b for a, b in pairs])
    sr = lessons.enlarge(mixed)(small)
    bargain.append(
        {
            "step": share,
            "psnr": psnr(sr, truth, crop_border=4),
            "sharpness": sharpness(sr) / sharpness(truth),
            "consistency": lr_consistency(sr, small),
        }
    )
titles = {
    "psnr": "PSNR in dB, Y",
    "sharpness": "sharpness, HR = 1",
    "consistency": "PSNR of SR made small, dB",
}
lessons.curves(bargain, titles, x="share of the GAN's weights")

# %% [markdown]
# The paper's SRGAN is at the far end of such a line: 2.4 dB below SRResNet on BSD100, and visibly sharper.
# After some minutes on eight photographs only what is *paid* is there, a decibel or more; what is *bought*
# takes longer. In lesson 4, whose content loss is simpler, some of it could be seen: about three quarters of
# HR's sharpness instead of 60 %, for a few tenths of a decibel. Put a network that has been trained for long
# into `average` and draw the line again.
#
# Blau and Michaeli (CVPR 2018, [arXiv 1711.06077](https://arxiv.org/abs/1711.06077)) proved that it has to be
# so: no method has the least error and the most natural pictures at once. Where on the curve you want to be
# depends on what the picture is for.
#
# ## Beside what ships

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
# - **Invented detail is taken for evidence.** Teeth, letters, number plates, cells: SRGAN writes what is
#   likely, not what was there. Never enlarge so what has to be read.
# - **A figure without its protocol.** The paper's SSIM is another package's and 0.025 higher than the usual
#   one; PSNR in RGB is 1.3 to 1.7 dB lower than on Y.
# - **Too soon.** The first thousands of steps look worse than lesson 1. Whoever judges there turns the wrong
#   knobs.
#
# Try: `keras-sr train srgan_vgg54 --data photos/ --quick` overnight, on your own photographs: the paper's
# network, from the weights that ship.
