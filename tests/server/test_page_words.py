"""What the page says that the library says, too."""

import re
from pathlib import Path

from keras_sr.images.picture import READ

PAGE = Path(__file__).parents[2] / "src" / "keras_sr" / "server" / "page"


def test_the_page_offers_every_kind_of_picture_that_is_read_and_no_other():
    listed = re.search(r"const PICTURES = \((.*?)\)", (PAGE / "app.js").read_text("utf-8"), re.DOTALL)
    assert set(re.findall(r"\.\w+", listed[1])) == READ
