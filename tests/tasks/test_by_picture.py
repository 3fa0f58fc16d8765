"""The default takes the network that goes with each picture, and says so."""

import json

import numpy as np
import pytest
from PIL import Image

import keras_sr
from keras_sr.cli.options import in_options
from keras_sr.errors import KerasSRError
from keras_sr.images.resize import imresize
from keras_sr.metrics import psnr
from keras_sr.tasks.by_picture import ByPicture
from keras_sr.weights import registry

CLEAN = registry.DEFAULT
DAMAGED = registry.FOR_DAMAGED[CLEAN]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shared_data):
    """The same photograph four times: clean, as JPEG, as a PNG that was a JPEG, and clean as JPEG of 100."""
    photo = np.asarray(Image.open(shared_data / "benchmark" / "BSD100" / "HR" / "img_005.png").convert("RGB"))
    small = imresize(photo, 1 / 3)[:96, :120]
    place = tmp_path_factory.mktemp("photos")
    Image.fromarray(small).save(place / "clean.png")
    Image.fromarray(small).save(place / "phone.jpg", quality=70)
    Image.open(place / "phone.jpg").save(place / "was_jpeg.png")
    Image.fromarray(small).save(place / "archive.jpg", quality=100, subsampling=0)
    return place


def test_each_picture_gets_its_network_and_the_report_says_which(folder, tmp_path):
    results = list(keras_sr.upscale_files(folder, tmp_path / "out", report=tmp_path / "report.json"))
    taken = {result.job.source.name: (result.network, result.traces) for result in results}
    assert taken == {
        "archive.jpg": (CLEAN, ""),
        "clean.png": (CLEAN, ""),
        "phone.jpg": (DAMAGED, "JPEG"),
        "was_jpeg.png": (DAMAGED, "JPEG"),
    }
    told = json.loads((tmp_path / "report.json").read_text())["pictures"]
    assert {(row["network"], row["traces"]) for row in told} == {(CLEAN, ""), (DAMAGED, "JPEG")}


def test_the_pixels_are_those_of_the_network_by_name(folder):
    for name, network in (("clean.png", CLEAN), ("was_jpeg.png", DAMAGED)):
        picture = folder / name
        np.testing.assert_array_equal(keras_sr.upscale(picture), keras_sr.upscale(picture, network))


def test_a_network_with_a_name_is_taken_whatever_a_picture_shows(folder, tmp_path):
    results = keras_sr.upscale_files(folder / "phone.jpg", tmp_path / "out", "compact_x4")
    assert [(one.network, one.traces) for one in results] == [("compact_x4", "")]


def test_an_animation_is_judged_by_its_first_frame(folder, tmp_path):
    frames = [Image.open(folder / "was_jpeg.png"), Image.open(folder / "clean.png")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    (result,) = keras_sr.upscale_files(tmp_path / "a.webp", tmp_path / "out")
    assert (result.network, result.traces) == (DAMAGED, "JPEG")


def test_lossy_webp_is_damaged_and_lossless_is_what_it_shows(folder, tmp_path):
    clean = Image.open(folder / "clean.png")
    clean.save(tmp_path / "lossy.webp", quality=80)
    clean.save(tmp_path / "lossless.webp", lossless=True)
    Image.open(folder / "was_jpeg.png").save(tmp_path / "was_jpeg.webp", lossless=True)
    results = keras_sr.upscale_files(tmp_path, tmp_path / "out")
    assert {one.job.source.name: (one.network, one.traces) for one in results} == {
        "lossy.webp": (DAMAGED, "WebP"),
        "lossless.webp": (CLEAN, ""),
        "was_jpeg.webp": (DAMAGED, "JPEG"),
    }
    np.testing.assert_array_equal(
        keras_sr.upscale(tmp_path / "lossy.webp"), keras_sr.upscale(tmp_path / "lossy.webp", DAMAGED)
    )


def test_the_facts_hold_for_both_networks():
    network = keras_sr.open_network()
    assert isinstance(network, ByPicture)
    for name in (CLEAN, DAMAGED):
        one = keras_sr.open_network(name)
        assert one.scale == network.scale
        assert one.frame == network.frame
        assert one.receptive_field <= network.receptive_field
        assert one.bytes_per_pixel <= network.bytes_per_pixel


def test_a_batch_goes_on_although_it_has_two_networks(folder, tmp_path):
    first = list(keras_sr.upscale_files(folder, tmp_path / "out", resume=True))
    again = list(keras_sr.upscale_files(folder, tmp_path / "out", resume=True))
    assert {one.status for one in first} == {"done"}
    assert {one.status for one in again} == {"skipped"}


def test_detail_goes_with_both(folder, tmp_path):
    network = keras_sr.open_network(detail=0.0)
    results = keras_sr.upscale_files([folder / "clean.png", folder / "phone.jpg"], tmp_path / "out", network)
    assert [one.network for one in results] == [
        registry.passport(CLEAN).partner,
        registry.passport(DAMAGED).partner,
    ]


@pytest.mark.parametrize("options", [{}, {"precision": "f32"}, {"detail": 0.5}, {"detail": 0.0}])
def test_what_decides_about_pixels_is_known_before_anything_is_opened(options):
    clean, damaged = (keras_sr.open_network(name, **options).choice for name in (CLEAN, DAMAGED))
    network = keras_sr.open_network(**options)
    assert network.choice.weights == (*clean.weights, *damaged.weights)
    assert network.choice.runs_on == ", ".join(dict.fromkeys((clean.runs_on, damaged.runs_on)))
    assert network.choice.detail == clean.detail == damaged.detail
    assert network._opened == {}


def test_a_network_that_no_picture_needs_is_not_opened(folder, tmp_path):
    network = keras_sr.open_network()
    list(keras_sr.upscale_files(folder / "phone.jpg", tmp_path / "out", network))
    assert [one.name for one in network._opened.values()] == [DAMAGED]


@pytest.mark.parametrize("scale", [1.5, 2, 3])
def test_smaller_scales_have_two_networks_too(folder, tmp_path, scale):
    pictures = [folder / "clean.png", folder / "phone.jpg"]
    results = keras_sr.upscale_files(pictures, tmp_path / "out", scale=scale)
    found = {one.job.source.name: (one.network, one.size) for one in results}
    size = round(120 * scale), round(96 * scale)
    clean = registry.of_scale(scale)
    assert found == {"clean.png": (clean, size), "phone.jpg": (registry.FOR_DAMAGED[clean], size)}
    for name, (network, _) in found.items():
        alone = keras_sr.upscale(folder / name, network, scale=scale)
        np.testing.assert_array_equal(keras_sr.upscale(folder / name, scale=scale), alone)


def test_a_picture_that_keeps_its_size_is_cleaned_whatever_it_shows(folder, tmp_path):
    pictures = [folder / "clean.png", folder / "phone.jpg"]
    results = keras_sr.upscale_files(pictures, tmp_path / "out", scale=1)
    assert [(one.network, one.size) for one in results] == [("photo_x1", (120, 96))] * 2
    truth = np.asarray(Image.open(folder / "clean.png"))
    damaged = np.asarray(Image.open(folder / "phone.jpg"))
    cleaned = keras_sr.upscale(folder / "phone.jpg", scale=1)
    assert psnr(cleaned, truth) > psnr(damaged, truth) + 0.5
    assert psnr(keras_sr.upscale(folder / "clean.png", scale=1), truth) > 40


def test_a_cleaned_jpeg_is_not_written_at_the_quality_that_spoiled_it(folder, tmp_path):
    (result,) = keras_sr.upscale_files(folder / "phone.jpg", tmp_path / "out", scale=1)
    written = np.asarray(Image.open(result.job.target))
    cleaned = keras_sr.upscale(folder / "phone.jpg", scale=1)
    assert psnr(written, cleaned) > 45
    truth = np.asarray(Image.open(folder / "clean.png"))
    assert psnr(written, truth) > psnr(np.asarray(Image.open(folder / "phone.jpg")), truth) + 0.4
    (asked,) = keras_sr.upscale_files(folder / "phone.jpg", tmp_path / "asked", scale=1, quality=60)
    assert asked.job.target.stat().st_size < result.job.target.stat().st_size


def test_a_network_that_keeps_the_size_is_not_made_consistent():
    with pytest.raises(KerasSRError, match="would undo all of it") as caught:
        keras_sr.open_network("photo_x1", consistent=True)
    assert "`consistent`" in str(caught.value)
    assert ": --consistent would undo" in in_options(str(caught.value))


def test_a_network_for_a_scale_makes_results_of_that_scale_of_every_picture(folder, tmp_path):
    network = keras_sr.open_network(scale=2)
    for name in ("clean.png", "phone.jpg"):
        assert keras_sr.upscale(folder / name, network).shape == (192, 240, 3)
    results = keras_sr.upscale_files(folder, tmp_path / "out", network)
    assert {one.size for one in results} == {(240, 192)}
    results = keras_sr.upscale_files(folder / "phone.jpg", tmp_path / "tiles", network, wrap=True)
    assert [(one.network, one.size) for one in results] == [("photo_x2", (240, 192))]
