# %% [markdown]
# # 8. Pictures from the wild
#
# Every network of lessons 1 to 7 was trained on clean pictures, shrunk by one kernel. The photographs that
# people have are JPEGs from phones, messengers and the web. This lesson shows what goes wrong with them,
# measures it, and mends it in minutes.

# %%
# In a new environment or Colab, once, in a clone:  %pip install ".[keras,notebooks]" tensorflow
PHOTOS = ""  # a folder of your photographs; "" takes the samples that come with scikit-image

from keras_sr import lessons

lesson = lessons.start(photos=PHOTOS)

# %%
import numpy as np

import keras_sr
from keras_sr.data.fixed import FIXED, damaged
from keras_sr.images.resize import imresize
from keras_sr.metrics import psnr

truth = lessons.sample("astronaut")
clean = imresize(truth, 1 / 4)
jpeg = damaged(truth, 4, "jpeg50", "astronaut")

# %% [markdown]
# ## What a network makes of a JPEG
#
# The same photograph twice, a quarter of its size: as it is, and saved as JPEG of quality 50, as messengers
# do. The loss is hard to see at this size:

# %%
lessons.panels(("clean LR", clean), ("JPEG 50", jpeg), zoom=2)

# %% [markdown]
# Now both enlarged by a network that ships for clean pictures, `lite_x4`:

# %%
lite = keras_sr.open_network("lite_x4")
pictures = [("HR", truth)]
for name, lr in {"clean LR": clean, "JPEG 50": jpeg}.items():
    sr, plain = keras_sr.upscale(lr, lite), imresize(lr, 4)
    print(
        f"{name}: lite_x4 {psnr(sr, truth, crop_border=4):.2f} dB, "
        f"bicubic {psnr(plain, truth, crop_border=4):.2f} dB"
    )
    pictures.append((f"lite_x4 of {name}", sr))
lessons.panels(*pictures, crop=(40, 150, 160), zoom=2)

# %% [markdown]
# On the clean picture the network is decibels ahead of bicubic. On the JPEG nothing is left of that: what it
# has learned is that a small step is the trace of an edge, so it sharpens the borders of the 8x8 blocks and
# the ripples around edges as if they were there. It does what it was trained to do. JPEG was not in it.
#
# ## What it has to see instead
#
# So LR must be damaged in training as it is in life. `keras_sr.data.presets.Web` draws for every crop: blur,
# resampling by some program, noise, JPEG once or twice on any grid, WebP. A third of the crops stays clean,
# or the network would soften clean pictures, too. Its numbers, and what they give:

# %%
from keras_sr.data.batches import Batches
from keras_sr.data.presets import Web, describe
from keras_sr.data.preview import preview

print(describe("web"))
batches = Batches(
    lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", damage=Web(), seed=8, workers=1
)
lessons.panels(("LR | HR", preview(batches, 15)))

# %% [markdown]
# Item $i$ of a run is a function of the seed and $i$, as everywhere in this library: the damage of step 1000
# is the same on every machine, and a run that is resumed sees what it would have seen.
#
# ## Minutes of training
#
# `compact_x4` is small enough to learn it while you wait. Two copies start from the weights that ship and
# train for as many steps with the same loss and rate. One goes on with clean crops, the other gets the web:

# %%
from keras_sr.losses import l1
from keras_sr.training.model import SuperResolution
from keras_sr.weights.load import load


def trained(damage, steps=1200):
    """Train a copy of compact_x4 on; `damage=None` leaves the crops clean."""
    network = load("compact_x4", data_format="channels_last")
    crops = Batches(
        lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", damage=damage, seed=8, workers=1
    )
    model = SuperResolution(network, None, {"l1": (1.0, l1)})
    model.compile(optimizer=lessons.optimizer(5e-4, lesson.steps(steps)), jit_compile=lessons.jit())
    lessons.train(model, crops, lesson.steps(steps), lines=3)
    return network


on_clean = lessons.enlarge(trained(None))
on_web = lessons.enlarge(trained(Web()))

# %% [markdown]
# ## Measured on fixed damages
#
# Random damage is for training. To compare networks, it must be the same for all: `keras-sr benchmark
# --degradation jpeg75` makes LR by one of six fixed recipes, and keeps it beside the results. Here on the
# two photographs that nothing was trained on:

# %%
rows = {"clean": lambda hr, name: imresize(hr, 1 / 4)}
rows |= {kind: lambda hr, name, kind=kind: damaged(hr, 4, kind, name) for kind in FIXED}
upscalers = {"bicubic": lambda lr: imresize(lr, 4), "trained on clean": on_clean, "trained on web": on_web}
print(f"{'PSNR, dB':15s}" + "".join(f"{name:>18s}" for name in upscalers))
for kind, make in rows.items():
    figures = []
    for upscale in upscalers.values():
        truths = {name: lessons.sample(name) for name in ("astronaut", "chelsea")}
        each = [psnr(upscale(make(hr, name)), hr, crop_border=4) for name, hr in truths.items()]
        figures.append(np.mean(each))
    print(f"{kind:15s}" + "".join(f"{figure:18.2f}" for figure in figures))

# %%
lessons.panels(
    ("HR", truth),
    ("JPEG 50", np.repeat(np.repeat(jpeg, 4, 0), 4, 1)),
    ("trained on clean", on_clean(jpeg)),
    ("trained on web", on_web(jpeg)),
    crop=(40, 150, 160),
    zoom=2,
)

# %% [markdown]
# The blocks are fainter, after a minute and a half, and so is some of the sharpness on clean pictures: the
# price is in the first rows of the table. A larger network, photographs of every kind and hours instead of
# minutes shrink the price. `photo_x4` had them, and a teacher besides: a network that can do it already shows
# one sharp answer where the truth leaves many open, of which a network alone learns the soft mean.
# `keras-sr upscale cat.jpg` takes it for whatever shows traces of JPEG:

# %%
photo = keras_sr.open_network("photo_x4")
lessons.panels(
    ("lite_x4", keras_sr.upscale(jpeg, lite)),
    ("photo_x4", keras_sr.upscale(jpeg, photo)),
    ("HR", truth),
    crop=(40, 150, 160),
    zoom=2,
)

# %% [markdown]
# ## In short
#
# - A network repairs what it was shown broken, and sharpens the rest.
# - PSNR punishes boldness: on damaged pictures even a good network gains little of it. Look, and measure
#   LPIPS.
# - Keep clean crops in the mix, and hold the measuring damage fixed.
#
# To train your own: `keras-sr train photo_psnr --data photos/`, then `keras-sr train photo --data photos/`;
# `--preview FOLDER` shows the crops first.
