"""The presets against the published numbers, and as functions of (seed, item)."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from keras_sr.data import damage
from keras_sr.data.batches import Batches
from keras_sr.data.degradations import bicubic, degradation
from keras_sr.data.fixed import FIXED, damaged
from keras_sr.data.presets import BOUNDS, PRESETS, Range, RealESRGAN, Web, describe, preset
from keras_sr.data.sampling import generator
from keras_sr.data.sources import ArraySource
from keras_sr.errors import DataError


@pytest.fixture
def hr(photo):
    return photo(2, 128, 160)


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_lr_is_a_function_of_seed_and_item(hr, name, scale):
    hr = hr[:120, :144]
    first, again, other = (PRESETS[name](hr, scale, generator(7, item)) for item in (5, 5, 6))
    assert first.shape == (120 // scale, 144 // scale, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert PRESETS[name](hr, scale, generator(8, 5)).tolist() != first.tolist() or (first == other).all()


@pytest.mark.parametrize("name", list(PRESETS))
def test_lr_shows_what_hr_shows(hr, name):
    """No shift, no change of colour: on average over many draws, what is added is damage alone."""
    clean = bicubic(hr, 4).astype(float)
    mean = np.mean([PRESETS[name](hr, 4, generator(0, i)).astype(float) for i in range(60)], axis=0)
    assert np.abs((mean - clean).mean(axis=(0, 1))).max() < 3
    inner = (slice(3, -3),) * 2

    def likeness(y, x):
        moved = np.roll(clean, (y, x), (0, 1))
        return np.corrcoef(mean[inner].ravel(), moved[inner].ravel())[0, 1]

    assert likeness(0, 0) > 0.9
    assert max((likeness(y, x), y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))[1:] == (0, 0)


def test_a_third_of_web_is_clean(hr):
    clean = bicubic(hr, 4)
    same = sum((Web()(hr, 4, generator(3, i)) == clean).all() for i in range(300))
    assert same / 300 == pytest.approx(1 / 3, abs=0.08)


def test_the_numbers_of_real_esrgan_are_the_published_ones():
    """options/train_realesrgan_x4plus.yml of xinntao/Real-ESRGAN at a4abfb2."""
    first, second = RealESRGAN().first, RealESRGAN().second
    assert (first.resize, first.resize_scale) == ((0.2, 0.7, 0.1), (0.15, 1.5))
    assert (second.resize, second.resize_scale) == ((0.3, 0.4, 0.3), (0.3, 1.2))
    assert (first.noise_sigma, first.poisson_scale) == ((1, 30), (0.05, 3.0))
    assert (second.noise_sigma, second.poisson_scale) == ((1, 25), (0.05, 2.5))
    assert first.quality == second.quality == (30, 95)
    assert (first.blur, second.blur) == (1.0, 0.8)
    assert (first.sigma, second.sigma) == ((0.2, 3.0), (0.2, 1.5))
    preset = RealESRGAN()
    assert (preset.sinc, preset.final_sinc) == (0.1, 0.8)
    assert preset.kernels == (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
    assert (preset.beta_generalised, preset.beta_plateau) == ((0.5, 4.0), (1.0, 2.0))
    assert preset.kernel_sizes == (7, 21)
    assert (preset.gaussian, preset.grey_noise) == (0.5, 0.4)


def count(monkeypatch, *names):
    """Return a list that every call of these functions is noted in: (name, arguments)."""
    calls = []
    for name in names:
        real = getattr(damage, name)

        def noted(*args, _name=name, _real=real):
            calls.append((_name, args))
            return _real(*args)

        monkeypatch.setattr(damage, name, noted)
    return calls


def test_real_esrgan_draws_what_its_numbers_say(hr, monkeypatch):
    """400 draws on a small crop: shares within three standard deviations, values inside their ranges."""
    names = ("gaussian_kernel", "plateau_kernel", "sinc_kernel", "gaussian_noise", "poisson_noise", "jpeg")
    calls = count(monkeypatch, *names)
    draws, preset, crop = 400, RealESRGAN(), hr[:96, :96]
    for i in range(draws):
        preset(crop, 4, generator(1, i))

    def values(name, at):
        return [args[at] for called, args in calls if called == name]

    qualities = values("jpeg", 1)
    assert len(qualities) == 2 * draws
    assert (min(qualities), max(qualities)) == (30, 95)
    sigmas, scales = values("gaussian_noise", 1), values("poisson_noise", 1)
    assert len(sigmas) + len(scales) == 2 * draws
    assert len(sigmas) / (2 * draws) == pytest.approx(0.5, abs=0.06)
    assert 1 <= min(sigmas) < 2
    assert 29 < max(sigmas) <= 30
    assert min(scales) >= 0.05
    assert 2.9 < max(scales) <= 3
    greys = values("gaussian_noise", 2) + values("poisson_noise", 2)
    assert np.mean(greys) == pytest.approx(0.4, abs=0.06)
    sizes = values("gaussian_kernel", 0) + values("plateau_kernel", 0) + values("sinc_kernel", 0)
    assert sorted(set(sizes)) == list(range(7, 22, 2))
    shaped, plateaus = len(values("gaussian_kernel", 0)), len(values("plateau_kernel", 0))
    blurs = shaped + plateaus + (len(values("sinc_kernel", 0)) - round(0.8 * draws))
    assert blurs / draws == pytest.approx(1.8, abs=0.15)
    assert plateaus / (shaped + plateaus) == pytest.approx(0.15, abs=0.05)
    sigma_x = values("gaussian_kernel", 1)
    assert min(sigma_x) >= 0.2
    assert 2.8 < max(sigma_x) <= 3


def test_a_preset_says_its_numbers_in_a_line():
    assert "quality=(40, 95)" in describe("web")
    assert "noise_sigma=(1, 30)" in describe("realesrgan")


def test_batches_are_the_same_for_any_number_of_workers_and_any_start(hr):
    def batches(**kwargs):
        source = ArraySource([hr, hr[::-1].copy()])
        return Batches(source, batch_size=3, hr_crop=64, seed=5, damage=Web(), **kwargs)

    plain, threaded, later = batches(), batches(workers=2), batches(start_step=2)
    rows = [plain[i] for i in range(4)]
    for i in range(4):
        for ours, theirs in zip(rows[i], threaded[i], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(rows[2], later[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_batches_hold_hr_as_it_is_and_lr_of_the_same_place(hr):
    batches = Batches(ArraySource([hr]), batch_size=8, hr_crop=64, damage=Web(clean=1.0))
    lr, large = batches.pixels(0)
    windows = np.lib.stride_tricks.sliding_window_view
    for small, crop in zip(lr, large, strict=True):
        ways = [crop[::a, ::b] for a in (1, -1) for b in (1, -1)]
        ways += [w.swapaxes(0, 1) for w in ways]
        places = windows(hr, (64, 64, 3))[::4, ::4, 0]
        assert any((places == way).all((2, 3, 4)).any() for way in ways)
        inner = (slice(3, -3),) * 2
        np.testing.assert_allclose(small[inner], bicubic(crop, 4)[inner], atol=1)


def test_a_crop_with_what_lies_around_it_must_fit_into_the_picture(hr):
    with pytest.raises(DataError, match="none of the 1 pictures holds a crop of 160x160"):
        Batches(ArraySource([hr]), hr_crop=128, damage=Web())


@pytest.mark.parametrize("kind", list(FIXED))
def test_a_fixed_damage_depends_on_picture_and_name_alone(hr, kind):
    first = damaged(hr, 4, kind, "baby")
    np.testing.assert_array_equal(first, damaged(hr, 4, kind, "baby"))
    assert first.shape == (32, 40, 3)
    assert (first != bicubic(hr, 4)).any()


def test_fixed_noise_differs_between_pictures_and_the_order_of_jpegs_holds(hr):
    assert (damaged(hr, 4, "noise5_jpeg80", "a") != damaged(hr, 4, "noise5_jpeg80", "b")).any()
    clean = bicubic(hr, 4).astype(float)
    errors = [np.abs(damaged(hr, 4, f"jpeg{q}", "a") - clean).mean() for q in (90, 75, 50)]
    assert errors == sorted(errors)


def test_an_unknown_fixed_damage_names_the_known(hr):
    with pytest.raises(DataError, match="jpeg90, jpeg75, jpeg50, noise5_jpeg80, blur_jpeg80"):
        damaged(hr, 4, "jpeg20", "a")


def test_the_help_of_train_prints_the_numbers_in_use():
    from keras_sr.cli.train import train

    page = " ".join(train.__doc__.split())
    for name in PRESETS:
        assert f"{name}: {describe(name)}" in page


@pytest.mark.parametrize("name", list(PRESETS))
def test_without_its_blur_lr_has_all_other_damage(hr, name):
    same = 0
    for item in range(60):
        first, sharp = generator(3, item), generator(3, item)
        lr, other = PRESETS[name](hr, 4, first), PRESETS[name](hr, 4, sharp, blurred=False)
        # All chances after the blur were drawn alike, whatever the pixels were.
        assert first.random() == sharp.random()
        same += bool((lr == other).all())
    # `web` blurs half of two thirds, `realesrgan` all.
    assert 30 <= same <= 50 if name == "web" else same == 0


def test_what_is_left_out_is_the_blur_alone(hr):
    blur = dict.fromkeys(("clean", "detour", "noise", "compressed", "before", "anisotropic"), 0.0)
    web = Web(**blur, blur=1.0, blur_sigma=(2.5, 2.5))
    soft, sharp = web(hr, 4, generator(0, 0)), web(hr, 4, generator(0, 0), blurred=False)
    edges = [np.abs(np.diff(lr.astype(int), axis=1)).mean() for lr in (soft, sharp)]
    assert edges[0] < 0.9 * edges[1]


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_batches_give_sharp_lr_beside_lr(hr, layout):
    options = {"batch_size": 4, "hr_crop": 32, "damage": Web(clean=0.0, blur=1.0), "data_format": layout}
    plain = Batches(ArraySource([hr]), **options)
    both = Batches(ArraySource([hr]), **options, sharp=True, workers=2, steps=3)
    for i in range(3):
        (lr, sharp), truth = both[i]
        np.testing.assert_array_equal(lr, plain[i][0])
        np.testing.assert_array_equal(truth, plain[i][1])
        assert sharp.shape == lr.shape
        assert 0 < np.abs(sharp - lr).mean() < 0.1


def test_sharp_lr_needs_a_damage(hr):
    with pytest.raises(DataError, match="needs a `damage` that blurs"):
        Batches(ArraySource([hr]), hr_crop=32, sharp=True)


def test_a_name_changes_the_fields_behind_it_and_no_other():
    found = preset("web:noise=0.9, quality=30-60,blur_sigma=1-1.5")
    assert found == replace(Web(), noise=0.9, quality=(30.0, 60.0), blur_sigma=(1.0, 1.5))
    assert preset("realesrgan:sinc=0") == replace(RealESRGAN(), sinc=0.0)
    assert preset("web") is PRESETS["web"]
    assert preset("bicubic") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("web:nois=0.5", "unknown field of web 'nois': the known ones are clean, blur, blur_sigma"),
        ("web:blur=0.5,", "unknown field of web '': the known ones are clean"),
        ("realesrgan:first=1", "unknown field of realesrgan 'first': the known ones are sinc, beta_gen"),
        ("web:noise=2", "noise is a probability from 0 to 1, such as noise=0.5, not '2'"),
        ("web:noise", "noise is a probability from 0 to 1, such as noise=0.5, not ''"),
        ("web:noise=nan", "noise is a probability from 0 to 1, such as noise=0.5, not 'nan'"),
        ("web:quality=0-50", "quality is a range, low-high, between 1 and 100, such as quality=40-95, not"),
        ("web:quality=95-30", "quality is a range, low-high, between 1 and 100"),
        (
            "web:blur_sigma=0-0",
            "blur_sigma is a range, low-high, between 0.01 and 100, such as blur_sigma=0.2-2.8",
        ),
        ("web:blur_sigma=1-9999", "blur_sigma is a range, low-high, between 0.01 and 100"),
        ("web:detour_scale=0-1", "detour_scale is a range, low-high, between 0.01 and 100"),
        ("realesrgan:beta_plateau=0-0", "beta_plateau is a range, low-high, between 0.1 and 20"),
        ("realesrgan:beta_plateau=2-3", "beta_plateau is a range around 1, such as beta_plateau=0.5-4, not"),
        ("bicubic:blur=1", "bicubic has no numbers to change, only web and realesrgan have: give bicubic"),
        ("Web:blur=1", "unknown degradation 'Web:blur=1': the known ones are bicubic, bilinear, web"),
    ],
)
def test_a_field_that_a_preset_cannot_have_is_one_line(name, said):
    with pytest.raises(DataError, match=re.escape(said)):
        degradation(name)


def test_a_single_number_is_a_range():
    assert preset("web:quality=40").quality == (40.0, 40.0)


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("end", [0, 1])
def test_both_ends_of_every_range_make_lr(hr, name, scale, end):
    """Every number that is let through can be drawn: no crop may end a training."""
    ranges = {field.name: field.type for field in fields(PRESETS[name]) if field.type in (float, Range)}
    bounds = {
        key: next(b for stop, b in BOUNDS.items() if key.endswith(stop))
        for key in ranges
        if ranges[key] == Range
    }
    texts = [f"{key}={'-'.join(['1', str(b[1])] if end else [str(b[0]), '1'])}" for key, b in bounds.items()]
    texts += [f"{key}={end}" for key, kind in ranges.items() if kind is float and key != "clean"]
    made = preset(f"{name}:{','.join(texts)}" + (",clean=0" if name == "web" else ""))
    for item in range(4):
        lr = made(hr, scale, generator(1, item))
        assert lr.shape == (hr.shape[0] // scale, hr.shape[1] // scale, 3)


def test_changed_numbers_reach_the_crops_of_a_run(hr):
    options = {"batch_size": 8, "hr_crop": 32}
    never = Batches(ArraySource([hr]), damage=preset("web:clean=1"), **options)
    always = Batches(ArraySource([hr]), damage=preset("web:clean=0,blur=1,blur_sigma=2-2.8"), **options)
    steps = [np.abs(np.diff(batches[0][0], axis=1)).mean() for batches in (never, always)]
    assert steps[1] < 0.8 * steps[0]
