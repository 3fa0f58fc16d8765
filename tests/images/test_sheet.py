import numpy as np
import pytest
from PIL import Image

from keras_sr.errors import PictureError
from keras_sr.images.sheet import GROUND, nearest, sheet

RNG = np.random.default_rng(0)
LR = RNG.integers(0, 256, (30, 50, 3), np.uint8)
HR = RNG.integers(0, 256, (120, 200, 3), np.uint8)


def find(page, picture):
    """Return (top, left) of the place where `picture` stands unchanged on the page."""
    height, width = picture.shape[:2]
    for top in range(page.shape[0] - height + 1):
        for left in range(page.shape[1] - width + 1):
            if (
                page[top, left].tolist() == picture[0, 0].tolist()
                and (page[top : top + height, left : left + width] == picture).all()
            ):
                return top, left
    return None


def ink(page):
    """Return which pixels are text: bright, on a page whose pictures are black."""
    return (page > 150).all(axis=2)


def test_lr_is_enlarged_by_nearest_neighbour_and_the_truth_untouched():
    page = sheet([("LR", LR), ("HR", HR)])
    enlarged = np.asarray(Image.fromarray(LR).resize((200, 120), Image.Resampling.NEAREST))
    (top, left), (top_hr, left_hr) = find(page, enlarged), find(page, HR)
    assert top == top_hr
    assert left + 200 < left_hr
    assert page.dtype == np.uint8


@pytest.mark.parametrize("size", [(120, 200), (71, 113), (30, 50), (31, 60)])
def test_nearest_neighbour_equals_pillow(size):
    expected = Image.fromarray(LR).resize(size[::-1], Image.Resampling.NEAREST)
    np.testing.assert_array_equal(nearest(LR, *size), np.asarray(expected))


def test_the_order_and_the_gaps():
    white = np.full((60, 200, 3), 255, np.uint8)
    page = sheet([("", white), ("", white), ("", white)])
    row = (page[40] == 255).all(axis=1).astype(int)
    assert (np.diff(row) == 1).sum() == 3
    assert row.sum() == 600
    assert tuple(page[0, 0]) == GROUND


def test_labels_stand_under_their_panel_and_the_caption_over_all():
    black = np.zeros((100, 300, 3), np.uint8)
    plain = sheet([("", black), ("", black)])
    assert not ink(plain).any()
    right = ink(sheet([("", black), ("28.43 dB / 0.8111", black)]))
    rows, columns = np.nonzero(right)
    assert rows.min() > 100
    assert columns.min() > plain.shape[1] // 2
    assert np.ptp(rows) >= 8  # readable
    rows, _ = np.nonzero(ink(sheet([("", black), ("", black)], "BSD100")))
    assert rows.max() < 60


def test_more_lines_make_it_taller():
    one, two = (sheet([(label, HR)]).shape for label in ("SR", "SR\n28.43 dB / 0.8111"))
    assert two[0] >= one[0] + 12
    assert two[1] == one[1]


def test_long_labels_stay_inside_their_panel():
    black = np.zeros((100, 200, 3), np.uint8)
    page = sheet(
        [("", black), ("a label that is much longer than its panel is wide " * 3, black), ("", black)]
    )
    columns = np.nonzero(ink(page))[1]
    assert page.shape[1] // 3 - 4 <= columns.min()
    assert columns.max() <= 2 * page.shape[1] // 3 + 4


def test_tiny_panels_are_enlarged_so_that_labels_fit():
    tiny = RNG.integers(0, 256, (8, 10, 3), np.uint8)
    page = sheet([("HR", tiny)])
    assert find(page, np.kron(tiny, np.ones((16, 16, 1), np.uint8)))


def test_grey_panels_are_shown_grey():
    grey = RNG.integers(0, 256, (100, 200, 1), np.uint8)
    assert find(sheet([("grey", grey)]), np.repeat(grey, 3, axis=2))


@pytest.mark.parametrize(
    ("panels", "said"),
    [
        ([], "at least one panel"),
        ([("SR", HR / 255)], r"panel 'SR' must be a uint8 picture .* not float64 \(120, 200, 3\)"),
        ([("SR", HR[..., 0])], "panel 'SR' must be"),
        ([("SR", None)], "panel 'SR' must be"),
        ([("SR", HR[:0])], "panel 'SR' has no pixels"),
    ],
)
def test_what_is_no_picture_is_named(panels, said):
    with pytest.raises(PictureError, match=said):
        sheet(panels)
