"""What users of other tools report, and what reading those tools' code shows: none of it is here.

Each test names the tool, and the thread or the line of code. Where another file holds the test already,
`ELSEWHERE` says which.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from keras_sr import upscale
from keras_sr.errors import KerasSRError
from keras_sr.images import picture as files
from keras_sr.images.alpha import hold
from keras_sr.images.picture import Picture
from keras_sr.inference import open_engine
from keras_sr.inference.engines import precisions
from keras_sr.inference.enlarge import enlarge
from keras_sr.weights import registry

TESTS = Path(__file__).parents[1]

#: Defect of a peer: the test of ours that it would fail.
ELSEWHERE = {
    "Real-ESRGAN utils.py, enhance: 16 bits are seen by max > 256": (
        "images/test_picture.py::test_a_dark_16_bit_picture_is_read_as_16_bit"
    ),
    "Real-ESRGAN utils.py, enhance: grey is made of the three channels after the network": (
        "inference/test_enlarge.py::test_grey_stays_grey_and_is_the_luma_of_the_grey_run_as_rgb"
    ),
    "Real-ESRGAN inference_realesrgan.py: imread gives None, outside of the try (pull 913)": (
        "cli/test_upscale_command.py::test_one_broken_picture_does_not_cost_the_others"
    ),
    "Real-ESRGAN utils.py, enhance: -s resizes what has been rounded to 8 bits": (
        "cli/test_upscale_command.py::test_resizing_comes_before_rounding"
    ),
    "Real-ESRGAN inference_realesrgan.py: -o out.png becomes a folder": (
        "cli/test_upscale_command.py::test_one_picture_to_one_file"
    ),
    "Real-ESRGAN and ncnn: -o names one file for many pictures": (
        "cli/test_upscale_command.py::test_several_pictures_need_a_folder"
    ),
    "ISR imagemodel.py: np.uint8(x * 255) truncates": (
        "images/test_ranges.py::test_rounds_and_never_truncates"
    ),
    "ISR imagemodel.py: 2 pixels of padding, far below the receptive field": (
        "inference/test_tiled_equals_untiled.py::test_one_pixel_of_margin_less_is_seen"
    ),
    "ISR utils: RGB_to_Y by constants for /256 on data in [0, 1]": (
        "images/test_color.py::test_is_scikit_images_conversion"
    ),
    "ISR utils: a suffix in capitals, .JPG, is skipped": (
        "cli/test_upscale_command.py::test_a_folder_to_a_folder"
    ),
    "super-image metrics.py: Y coefficient 64.738": (
        "images/test_color.py::test_black_and_white_are_16_and_235"
    ),
    "super-image metrics.py: predictions are not rounded before PSNR": (
        "evaluation/test_score.py::test_floats_are_clipped_and_rounded_before_they_are_measured"
    ),
    "chaiNNer load_image.py:49: uint16 is compared with 65536": (
        "images/test_picture.py::test_opaque_16_bit_alpha_is_seen_as_opaque"
    ),
    "upscayl/issues/84 and /746: colour profiles are wiped out": (
        "images/test_picture.py::test_the_colour_profile_survives"
    ),
    "upscayl/issues/214 and /1307: EXIF is lost": "images/test_picture.py::test_exif_survives",
    "upscayl/issues/1488: rotation is not preserved": (
        "images/test_picture.py::test_orientation_is_honoured_once"
    ),
    "transparent edges get a halo": (
        "inference/test_enlarge.py::test_what_is_hidden_by_transparency_makes_no_halo"
    ),
    "allenai/satlas-super-resolution/issues/10: only RGB": (
        "inference/test_enlarge.py::test_bands_are_enlarged_one_by_one"
    ),
    "Real-ESRGAN/issues/197: seams between tiles": (
        "inference/test_tiled_equals_untiled.py::test_any_picture_in_any_tiles"
    ),
}


@pytest.mark.parametrize("defect", ELSEWHERE)
def test_the_tests_elsewhere_are_there(defect):
    file, name = ELSEWHERE[defect].split("::")
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text("utf-8"), re.MULTILINE), ELSEWHERE[defect]


class Engine:
    """Each pixel the mean of 3x3, then twice; runs may be refused, and sizes are noted."""

    name, scale, receptive_field, bytes_per_pixel, frame = "mean", 2, 1, 1000, 1

    def __init__(self, refuse=lambda number, shape: None):
        self.shapes, self.refuse = [], refuse

    def run(self, batch):
        self.shapes.append(batch.shape[1:3])
        self.refuse(len(self.shapes), batch.shape[1:3])
        padded = np.pad(batch, [(0, 0), (1, 1), (1, 1), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        return windows.mean(axis=(-1, -2), dtype=np.float32).repeat(2, axis=1).repeat(2, axis=2)


def noise(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


# === Memory and tiles ===


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 110.72 GiB"),
        RuntimeError("could not allocate 5000000 bytes"),
    ],
)
@pytest.mark.parametrize("failing", [1, 2, 5])
def test_a_tile_that_finds_no_memory_is_never_filled_with_another(error, failing):
    """Real-ESRGAN utils.py, tile_process: prints the error and pastes the last tile (issues/633)."""

    def refuse(number, shape):
        if number == failing:
            raise error

    picture = noise(60, 60, 3)
    try:
        tiled = upscale(picture, Engine(refuse), tile=24)
    except (MemoryError, RuntimeError, KerasSRError):
        return  # refused as a whole
    np.testing.assert_array_equal(tiled, upscale(picture, Engine(), tile=60))


def test_the_network_never_sees_more_than_a_tile():
    """Real-ESRGAN/issues/184: the whole picture goes to the device first, whatever --tile says."""
    engine = Engine()
    upscale(noise(90, 110, 3), engine, tile=40)
    assert all(max(shape) <= 40 for shape in engine.shapes)
    assert len(engine.shapes) > 4


def test_large_pictures_are_cut_without_being_asked():
    """SnapOtter/issues/191, Real-ESRGAN/issues/861: tiles are off by default."""
    engine = Engine()
    engine.bytes_per_pixel = 1 << 20
    # Each pixel takes a megabyte: 10,000 of them are more than is ever taken without being asked for.
    upscale(noise(100, 100, 3), engine)
    assert len(engine.shapes) > 1
    assert all(height * width <= 5000 for height, width in engine.shapes)


@pytest.mark.parametrize(
    "turn",
    [lambda x: x[::-1], lambda x: x[:, ::-1], lambda x: x.transpose(1, 0, 2), lambda x: x[::-1, ::-1]],
    ids=["upside down", "mirrored", "transposed", "turned"],
)
def test_all_four_sides_are_treated_alike(turn):
    """Real-ESRGAN utils.py, pre_process: pre_pad pads right and bottom only."""
    picture = noise(50, 70, 3)
    turned = upscale(np.ascontiguousarray(turn(picture)), Engine(), tile=20)
    np.testing.assert_array_equal(turned, turn(upscale(picture, Engine(), tile=20)))


@pytest.mark.parametrize("tile", [33, 50])
def test_no_seam_with_a_trained_network(tile):
    """Real-ESRGAN/issues/211 "Seams after upscaling", Aidoku/issues/1087, ISR's padding of 2 pixels."""
    engine = open_engine(registry.weights_path("compact_x2"))
    picture = noise(64, 80, 3)
    off = upscale(picture, engine, tile=tile).astype(int) - upscale(picture, engine, tile=200)
    assert np.abs(off).max() <= 1


# === Colours ===


@pytest.fixture(scope="module")
def compact():
    return open_engine(registry.weights_path("compact_x4"))


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_flat_grey_keeps_its_level(compact, level):
    """Real-ESRGAN/issues/246: white comes out as #FEFEFE. With a trained network, edges included."""
    for bands in (1, 3):
        assert (upscale(np.full((20, 24, bands), level, np.uint8), compact) == level).all()


@pytest.mark.parametrize("name", ["compact_x4", "lite_x4", "lite_x3", "lite_x2"])
def test_flat_grey_keeps_its_level_in_every_precision(name):
    """The same, before rounding: bfloat16 has other levels above a half, half of one of ours away at 128."""
    pytest.importorskip("openvino")
    for precision in precisions("openvino"):
        engine = open_engine(registry.weights_path(name), precision=precision)
        for level in (0, 90, 128, 200, 255):
            exact = upscale(np.full((20, 24, 3), level, np.uint8), engine, rounded=False) * 255
            assert np.abs(exact - level).max() < 0.2, (precision, level)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
def test_red_stays_red(run, tmp_path, network_file, suffix):
    """dalle-flow/pull/142: red and blue change places."""
    bars = np.zeros((16, 48, 3), np.uint8)
    for channel in range(3):
        bars[:, channel * 16 : channel * 16 + 16, channel] = 255
    files.write(tmp_path / f"a{suffix}", Picture(bars))
    target = tmp_path / f"b{suffix}"
    assert run("upscale", tmp_path / f"a{suffix}", "-o", target, "-n", network_file)[0] == 0
    sr = files.read(target).pixels
    for channel in range(3):
        middle = sr[12:20, channel * 32 + 12 : channel * 32 + 20].reshape(-1, 3).mean(axis=0)
        assert middle[channel] > 240
        assert np.delete(middle, channel).max() < 15


def test_no_colour_shift(compact):
    """krasserm/super-resolution/issues/30, Tencent/Real-SR/issues/6: the mean colour moves."""
    coarse = Image.fromarray(noise(8, 8, 3))
    picture = np.asarray(coarse.resize((48, 48), Image.Resampling.BICUBIC))
    shift = upscale(picture, compact).mean(axis=(0, 1)) - picture.mean(axis=(0, 1))
    assert np.abs(shift).max() < 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_grey_files_stay_grey(run, tmp_path, network_file, suffix):
    """Real-ESRGAN/issues/558: a grey JPEG gets blue; BasicSR/issues/744: grey needs manual fixes."""
    Image.fromarray(noise(10, 12)).save(tmp_path / f"a{suffix}")
    target = tmp_path / f"b{suffix}"
    assert run("upscale", tmp_path / f"a{suffix}", "-o", target, "-n", network_file)[0] == 0
    with Image.open(target) as image:
        assert (image.mode, image.size) == ("L", (24, 20))


# === What a file holds ===


def test_16_bit_grey_and_many_bands_pass_through_the_command(run, tmp_path, network_file):
    """SR3/issues/79 (16-bit grey), tensorlayer/SRGAN/issues/33, sentinel2_superresolution/issues/23."""
    engine = open_engine(network_file)
    for name, bands in (("deep.png", 1), ("deep.tif", 1), ("bands.tif", 6)):
        given = noise(9, 11, bands, dtype=np.uint16)
        files.write(tmp_path / name, Picture(given))
        target = tmp_path / f"large_{name}"
        assert run("upscale", tmp_path / name, "-o", target, "-n", network_file)[0] == 0
        back = files.read(target).pixels
        assert (back.shape, back.dtype) == ((18, 22, bands), np.uint16)
        np.testing.assert_array_equal(back, upscale(given, engine))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_passes_through_the_command(run, tmp_path, network_file, mode):
    """ESRGAN/issues/18, UpscalerJS/issues/8, InvokeAI/pull/1605: alpha is dropped."""
    if mode == "P":
        Image.fromarray(noise(12, 14, 3)).quantize(8).save(tmp_path / "a.png", transparency=2)
    else:
        Image.fromarray(noise(12, 14, len(mode)), mode if mode == "LA" else None).save(tmp_path / "a.png")
    target = tmp_path / "b.png"
    assert run("upscale", tmp_path / "a.png", "-o", target, "-n", network_file)[0] == 0
    given, back = files.read(tmp_path / "a.png"), files.read(target)
    assert given.alpha is not None
    # By the network, as upscayl/issues/881 asks, and not by a bilinear filter beside it.
    expected = upscale(given.alpha, open_engine(network_file))
    hold(expected, given.alpha, 2)
    np.testing.assert_array_equal(back.alpha, expected)


def test_opaque_16_bit_alpha_changes_no_colour():
    """chaiNNer load_image.py:49: uint16 == 65536 is never true, so opaque pictures count as transparent."""
    colours = noise(12, 14, 3, dtype=np.uint16)
    larger = enlarge(Picture(colours, np.full((12, 14), 65535, np.uint16)), Engine())
    assert (larger.alpha == 65535).all()
    np.testing.assert_array_equal(larger.pixels, upscale(colours, Engine()))


def test_a_photograph_keeps_profile_exif_and_stands_upright(run, tmp_path, network_file):
    """upscayl/issues/84, /746 and /1488: the profile, EXIF and the rotation of a photograph."""
    exif = Image.Exif()
    exif[271], exif[274] = "A camera", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    half = np.zeros((16, 32, 3), np.uint8)
    half[:, :16] = 255  # white on the left, which is the top when it is turned
    Image.fromarray(half).save(tmp_path / "a.jpg", exif=exif, icc_profile=profile, quality=95)
    for target in (tmp_path / "b.jpg", tmp_path / "b.png"):
        assert run("upscale", tmp_path / "a.jpg", "-o", target, "-n", network_file)[0] == 0
        with Image.open(target) as image:
            assert image.size == (32, 64)
            assert image.info["icc_profile"] == profile
            assert image.getexif()[271] == "A camera"
            assert image.getexif().get(274, 1) == 1
            grey = np.asarray(image.convert("L"))
        assert grey[8:24, 8:-8].min() > 240
        assert grey[40:56, 8:-8].max() < 15


# === Batches ===


@pytest.mark.parametrize("suffix", sorted(files.WRITTEN.keys() - {".pgm"}))
def test_names_in_any_script(run, tmp_path, network_file, suffix):
    """Real-ESRGAN/issues/307: a path that is not ASCII cannot be read or written."""
    folder = tmp_path / "Ünï çödé 日本語 🙂 'a' \"b\""
    folder.mkdir()
    files.write(folder / f"猫 — № 1{suffix}", Picture(noise(16, 18, 3)))
    code, out, err = run("upscale", folder, "-o", folder / "ergebnis größer", "-n", network_file)
    assert code == 0, err
    target = folder / "ergebnis größer" / f"猫 — № 1_x2{suffix}"
    assert out == f"{target}\n"
    assert files.read(target).pixels.shape[:2] == (32, 36)


def test_a_bad_picture_anywhere_in_a_batch_costs_only_itself(run, tmp_path, network_file):
    """upscayl/issues/204: one bad picture stops 22,000; "won't fix"."""
    good = noise(8, 9, 3)
    for bad in range(3):
        folder = tmp_path / f"in{bad}"
        folder.mkdir()
        for number in range(3):
            Image.fromarray(good).save(folder / f"{number}.png")
        (folder / f"{bad}.png").write_bytes((folder / f"{bad}.png").read_bytes()[:60])
        out = tmp_path / f"out{bad}"
        code, printed, err = run("upscale", folder, "-o", out, "-n", network_file)
        assert code == 1
        assert len(printed.splitlines()) == 2
        assert f"{bad}.png" in err
        assert {path.name for path in out.iterdir()} == {f"{n}_x2.png" for n in range(3) if n != bad}
