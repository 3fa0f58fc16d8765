# %% [markdown]
# # 3. SRResNet on VGG54: how deep is too deep?
#
# New against lesson 2: one word, `block5_conv4` instead of `block2_conv2`. It is $\phi_{5,4}$ of equation 5,
# after the fourth convolution before the fifth max-pooling: a feature there stands for 16 x 16 pixels and
# sees 252 x 252.
#
# The paper uses this loss with a discriminator only (lesson 6) and gives no figures for it alone. This lesson
# shows why. There is a warning in its history, too: a well-known notebook of this name trained on
# `block2_conv2`, because a line had been copied from the lesson before. Nothing failed. So print what you
# train on.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image
BENCHMARK = ""  # a folder to measure on, or the name of a set you have, such as "BSD100"

from keras_sr import lessons

lesson = lessons.start("srresnet_vgg54", photos=PHOTOS, benchmark=BENCHMARK, vgg=True)

# %%
from keras_sr.data.batches import Batches

batches = Batches(lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", seed=3, workers=1)
lr, hr = batches[0]
lessons.show_batch(lr, hr)

# %% [markdown]
# A crop of 64 becomes 4 x 4 features at this depth. The paper's crops of 96 become 6 x 6: not much to stand
# on.
#
# ## Network, loss and step, as in lessons 1 and 2

# %% show again keras_sr.models.blocks:ChannelPReLU, PixelShuffle, conv, normalize, prelu

# %% show again keras_sr.models.srresnet:srresnet, residual_block, upsample

# %% show again keras_sr.models.vgg:CaffePreprocessing, vgg19_features

# %% show again keras_sr.losses.content:FEATURE_SCALE, ContentLoss, feature_maps

# %% show again keras_sr.training.model:SuperResolution

# %%
from keras_sr.export import receptive_field

network, average = srresnet(4, **lesson.small), srresnet(4, **lesson.small)
print(lessons.summary(network))
print("receptive field:", 2 * receptive_field(network) + 1, "LR pixels wide")

# %%
vgg54 = vgg19_features(("block5_conv4",), weights=lesson.vgg_weights)
content = ContentLoss(vgg54)
print("trained on:", vgg54.layers[-2].name, "- features", tuple(vgg54(hr).shape))

# %% [markdown]
# ## What does it not see?
#
# Mistakes of equal squared error once more, as in lesson 2, now for both layers beside each other. Each loss
# is divided by what it gives for a blur, so 1 means "as bad as a blur" and 0 "I see nothing":

# %%
import numpy as np

from keras_sr.losses.pixel import mse

cat = (lessons.sample("chelsea")[None, 20:276, 100:356] / 255).astype("float32")
rows, columns = np.indices(cat.shape[1:3])
wrong = {
    "blur": sum(np.roll(cat, (y, x), (1, 2)) for y in (-2, 0, 2) for x in (-2, 0, 2)) / 9,
    "moved by a pixel": np.roll(cat, 1, 2),
    "redder, less blue": cat + np.float32([0.1, 0, -0.1]),
    "a fine checkerboard": cat + 0.1 * (1 - 2.0 * ((rows + columns) % 2))[None, ..., None],
}
# Each at the same MSE of 0.004.
wrong = {name: cat + (w - cat) * np.sqrt(0.004 / float(mse(w, cat))) for name, w in wrong.items()}
losses = {
    "MSE": mse,
    "VGG22": ContentLoss(vgg19_features(("block2_conv2",), weights=lesson.vgg_weights)),
    "VGG54": content,
}
print(f"{'':20s}", *(f"{name:>7s}" for name in losses))
for name, w in wrong.items():
    seen = [
        float(loss(w.astype("float32"), cat) / loss(wrong["blur"].astype("float32"), cat))
        for loss in losses.values()
    ]
    print(f"{name:20s}", *(f"{value:7.3f}" for value in seen))

# %% [markdown]
# The deeper loss cares three times less about where things are, and both hardly see a change of colour or a
# pattern of single pixels. This freedom is what the discriminator of lesson 6 will use, to put texture
# anywhere it looks right. Alone, it is freedom to do anything.
#
# ## Training

# %%
import keras

from keras_sr.evaluation.callback import BenchmarkCallback

print(lessons.base_weights(lesson, network))
before = srresnet(4, **lesson.small)
before.set_weights(network.get_weights())

steps = lesson.steps(168)
keras.utils.set_random_seed(0)
terms = {"content": (1.0, content), "mse": (0.0, mse)}
model = SuperResolution(network, average, terms, ema=0.99, frozen=[vgg54])
model.compile(optimizer=lessons.optimizer(1e-3, steps), jit_compile=lessons.jit())
benchmark = BenchmarkCallback(
    lesson.benchmark, every_epochs=4, out_dir=lesson.fresh("03"), pictures=1, max_images=2
)
rows = lessons.train(model, batches, steps, callbacks=[benchmark])

# %%
lessons.curves(
    rows, {"content": "VGG54 loss", "mse": "MSE (watched only)", f"{benchmark.name}_psnr": "PSNR in dB, Y"}
)

# %% [markdown]
# What to expect: the MSE jumps to five times what it was, at once, and comes down slowly. The loss has no
# opinion on colour, so the colours walk off in the first steps. Look at the sheets:

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
# - **The colours walk off.** A tint costs a twentieth of a blur here, and less than nothing if it helps
#   elsewhere. What ships was trained with a second term, the squared error of averages over 4 x 4 pixels
#   (`--set consistency=10`): it holds colours and leaves texture alone.
# - **Patterns that nobody photographed.** The table's last row. Without a discriminator nothing says that
#   such a pattern looks false.
# - **Weights of 8 bits, of another VGG, of a wrong layer** train just as willingly. The line that prints the
#   layer is the cheapest test there is.
#
# Try: both layers at once, `vgg19_features(("block2_conv2", "block5_conv4"))`; a weight for the MSE until the
# patterns go.
