"""Faults are found where they were made, and not in photographs that have none."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from keras_sr.data.audit import audit, look, overlap, thumbnail
from keras_sr.data.sources import ArraySource
from keras_sr.images.plain import read_rgb


def photos(shared_data, count=12):
    folders = ("photos", "bsds400", "photos_people_food_text")
    for folder in folders:
        files = sorted(p for p in (shared_data / "train" / folder).iterdir() if p.suffix == ".jpg")
        for path in files[:: len(files) // (count // 3)][: count // 3]:
            hr = read_rgb(path)[:512, :512]
            yield np.ascontiguousarray(hr[: len(hr) // 16 * 16, : hr.shape[1] // 16 * 16])


def jpeg(image, quality):
    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=quality)
    return np.array(Image.open(data).convert("RGB"))


def enlarged(image, factor):
    height, width = (side // factor for side in image.shape[:2])
    small = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(small.resize((width * factor, height * factor), Image.Resampling.BICUBIC))


def blurred(image, radius):
    return np.array(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


@pytest.fixture(scope="module")
def sharp(shared_data):
    return list(photos(shared_data))


@pytest.mark.shared
class TestOnPhotographs:
    def test_sharp_ones_have_no_fault(self, sharp):
        assert [look(one).fault for one in sharp] == [""] * len(sharp)

    @pytest.mark.parametrize("factor", [2, 3, 4])
    def test_enlarged_ones(self, sharp, factor):
        faults = [look(enlarged(one, factor)).fault for one in sharp]
        # Twice the size looks much like a blur of one pixel.
        assert faults.count("enlarged") >= (0.5 if factor == 2 else 0.75) * len(sharp)
        assert faults.count("") <= (0.3 if factor == 2 else 0) * len(sharp)

    @pytest.mark.parametrize("radius", [2, 3])
    def test_blurred_ones(self, sharp, radius):
        faults = [look(blurred(one, radius)).fault for one in sharp]
        assert faults.count("blurred") >= 0.9 * len(sharp)

    def test_jpeg_of_quality_30(self, sharp):
        faults = [look(jpeg(one, 30)).fault for one in sharp]
        assert faults.count("jpeg") >= 0.7 * len(sharp)
        assert faults.count("enlarged") + faults.count("blurred") <= 1

    def test_jpeg_of_quality_90_is_no_fault(self, sharp):
        assert [look(jpeg(one, 90)).fault for one in sharp].count("") >= len(sharp) - 1

    def test_doubles_are_found_after_resizing_and_saving_anew(self, sharp):
        copies = [jpeg(np.array(Image.fromarray(one).resize((320, 224))), 60) for one in sharp[:4]]
        assert overlap(map(thumbnail, copies), map(thumbnail, sharp)) == {k: k for k in range(4)}
        assert overlap(map(thumbnail, sharp[:6]), map(thumbnail, sharp[6:])) == {}

    def test_a_folder_is_told_in_counts(self, sharp):
        hr = [*sharp[:-1], sharp[0], blurred(sharp[-1], 3), np.full((64, 64, 3), 128, np.uint8)]
        names = [f"{k}.png" for k in range(len(hr))]
        found = audit(ArraySource(hr, scale=4, names=names))
        assert found.faults == {"one colour": (13,), "double": (11,), "blurred": (12,)}
        assert found.left_out == (11, 12, 13)
        assert found.lines() == [
            "1 picture is of one colour (13.png): left out",
            "1 picture is there twice (11.png): left out",
            "1 picture is blurred (12.png): left out",
        ]

    def test_where_all_have_a_fault_all_are_kept(self, sharp):
        found = audit(ArraySource([jpeg(one, 20) for one in sharp], scale=4))
        assert len(found.faults["jpeg"]) > 8
        assert found.left_out == ()
        assert "kept, because too little else would be left" in found.lines()[0]


def noise(seed, side=64):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def rough(seed):
    coarse = Image.fromarray(noise(seed, 16)).resize((128, 128), Image.Resampling.BICUBIC)
    return np.clip(np.array(coarse).astype(int) + noise(seed, 128) // 4 - 32, 0, 255).astype(np.uint8)


def test_pictures_of_one_colour_are_left_out_and_are_no_doubles():
    hr = [np.full((64, 64, 3), value, np.uint8) for value in (0, 90, 255)]
    found = audit(ArraySource([*hr, noise(0)], scale=4))
    assert found.faults == {"one colour": (0, 1, 2)}
    assert found.left_out == (0, 1, 2)
    assert audit(ArraySource(hr, scale=4)).left_out == ()


def test_soft_pictures_that_came_with_their_lr_are_kept():
    """What a stronger network makes of LR is soft, and is what is to be learned."""
    hr = [noise(0), blurred(rough(1), 3), noise(2), noise(3), np.full((64, 64, 3), 9, np.uint8)]
    assert audit(ArraySource(hr, scale=4)).left_out == (1, 4)
    found = audit(ArraySource(hr, scale=4), paired=True)
    assert found.left_out == (4,)
    assert [line.partition(": ")[2] for line in found.lines()] == [
        "left out",
        "kept, because they came with their LR: the network learns what they show",
    ]


def test_grey_pictures_are_counted():
    grey = [np.repeat(noise(k)[..., :1], 3, axis=2) for k in range(2)]
    assert audit(ArraySource([*grey, noise(5)], scale=4)).lines() == [
        "2 of 3 pictures are grey: kept; they teach no colours"
    ]
    assert audit(ArraySource(grey, scale=4)).lines()[0].endswith("and there are no others")


def test_of_many_pictures_a_part_is_looked_at():
    seen = []
    found = audit(
        ArraySource([noise(k) for k in range(10)], scale=4), most=4, progress=lambda *at: seen.append(at)
    )
    assert (found.looked_at, found.total) == (4, 10)
    assert found.lines() == ["4 of 10 pictures were looked at"]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("shape", [(16, 16), (24, 8), (8, 400)])
def test_small_and_narrow_pictures_are_measured(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert look(image).fault in ("", "blurred", "jpeg")
