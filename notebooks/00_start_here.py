# %% [markdown]
# # 0. Start here: what super-resolution can know, and what it cannot
#
# You will enlarge a picture, and then find out how much of the result was in the picture. Nothing is trained
# here, no framework is needed, and it takes a minute. Lessons 1 to 6 train the six networks of Ledig et al.
# (CVPR 2017, the SRGAN paper), one a lesson; lesson 7 collects what goes wrong.
#
# Install, once, in a clone of the repository (in Colab, in a cell with `%` in front):
#
#     pip install ".[keras,notebooks]" tensorflow

# %%
from keras_sr import lessons

lessons.welcome()

# %% [markdown]
# ## Enlarge a picture
#
# A photograph that comes with scikit-image, made four times smaller by the kernel that the field has agreed
# on: that is the input, LR. The original is the truth, HR; in real life nobody has it.

# %%
import keras_sr
from keras_sr.images.resize import imresize
from keras_sr.metrics import lr_consistency, psnr

truth = lessons.sample("astronaut")
small = imresize(truth, 1 / 4)
sr = keras_sr.upscale(small, "lite_x4")  # a small network that comes along, trained on pixels
print("LR", small.shape, "to SR", sr.shape, sr.dtype)
lessons.panels(("LR", small), ("bicubic", imresize(small, 4)), ("lite_x4", sr), ("HR", truth))

# %% [markdown]
# For a file of yours it is `keras_sr.upscale("cat.jpg")`, or in a terminal
#
#     keras-sr upscale cat.jpg -o cat_large.png -n lite_x4
#
# ## Measure it
#
# PSNR is the squared error on a logarithmic scale: 3 dB more is half of it, 6 dB more is half the error in
# grey levels. It is taken of the brightness Y, without the 4 pixels at each side.

# %%
for name, picture in {"bicubic": imresize(small, 4), "lite_x4": sr}.items():
    print(f"{name:8s} {psnr(picture, truth, crop_border=4):.2f} dB")
lessons.panels(("bicubic", imresize(small, 4)), ("lite_x4", sr), ("HR", truth), crop=(60, 160, 128), zoom=2)

# %% [markdown]
# Edges are sharp where bicubic is soft. Hair and skin are smooth where HR has detail. Why did the network not
# draw it?
#
# ## What LR does not say
#
# Sixteen pixels became one. Whatever averages to nothing over those sixteen has left no trace. So weave a
# pattern into HR that does, a cloth of threads four pixels wide:

# %%
import numpy as np

rows, columns = np.indices(truth.shape[:2])
cloth = np.cos(2 * np.pi * (rows + columns) / 4)[..., None]
room = imresize(np.minimum(small / 255, 1 - small / 255), 4)  # how far a pixel is from black and from white
other = truth / 255 + 0.5 * room * cloth
for _ in range(10):  # what is left of it in LR goes back, with the sign turned
    other = np.clip(other + imresize(small / 255 - imresize(other, 1 / 4), 4), 0, 1)
other = (255 * other + 0.5).astype("uint8")

again = imresize(other, 1 / 4)
difference = np.abs(again.astype(int) - small)
print(f"the two large pictures: {psnr(other, truth, crop_border=4):.1f} dB, far apart")
print(f"the two small pictures: {np.mean(difference == 0):.1%} of the values are equal,", end=" ")
print(f"the others at most {difference.max()} grey levels apart")
lessons.panels(
    ("HR", truth),
    ("another HR", other),
    ("LR of HR", small),
    ("LR of the other", again),
    crop=(60, 160, 128),
    zoom=2,
)

# %% [markdown]
# Two pictures that anybody can tell apart, and one and the same LR. Whoever is given that LR cannot know
# which it was. There are countless others, and a network can do one of two things:
#
# - **answer with the average of all of them.** That has the least error, and the average of many textures is
#   smooth. Lessons 1 to 3.
# - **choose one that looks real.** That has more error, since the choice is a guess, and looks better.
#   Lessons 4 to 6.
#
# `lite_x4` does the former. Without a name `upscale` takes one of the latter, the SRGAN of lesson 6:

# %%
guess = keras_sr.upscale(small)
print(f"{psnr(guess, truth, crop_border=4):.2f} dB, where lite_x4 has {psnr(sr, truth, crop_border=4):.2f}")
lessons.panels(("average", sr), ("guess", guess), ("HR", truth), crop=(60, 160, 128), zoom=2)

# %% [markdown]
# Neither brings back what was there. A number plate that cannot be read in LR cannot be read in SR; if it
# can, it is invented.
#
# ## What every answer must do
#
# It must be possible: made small again, it must give LR. That can be checked without any truth:

# %%
wrong = np.roll(sr, 3, axis=1)
answers = {"bicubic": imresize(small, 4), "average": sr, "guess": guess, "moved by 3 pixels": wrong}
for name, picture in answers.items():
    print(f"{name:18s} made small again: {lr_consistency(picture, small):.1f} dB from LR")

# %% [markdown]
# ## The lessons
#
# | | network | loss | new |
# |---|---|---|---|
# | 1 | SRResNet | MSE | network, data, training, measuring |
# | 2 | SRResNet | VGG22 | comparing features instead of pixels |
# | 3 | SRResNet | VGG54 | what deep features do not mind |
# | 4 | SRGAN | MSE | the discriminator, and a step for two networks |
# | 5 | SRGAN | VGG22 | the weight between content and adversary |
# | 6 | SRGAN | VGG54 | the paper's SRGAN, and what is paid for it |
# | 7 | | | what goes wrong: shown, measured, mended |
#
# Each page runs on its own and takes some minutes without a GPU. Lessons 2 to 6 start from what lesson 1 has
# trained, or train it themselves. The code that you read in a page is the library's, put there when the page
# is built, and it is what runs.
