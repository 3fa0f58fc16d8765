"""The pictures of `keras-sr serve` in the documentation: docs/images/serve_*.png.

    python scripts/page_pictures.py

Needs the extras web and dev, and a chromium with its driver. The photographs are scikit-image's: Eileen
Collins by NASA, in the public domain; a cat, a cup and a rocket, CC0.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import skimage.data
from selenium.webdriver.common.by import By

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from browsing import browser, look_as  # noqa: E402
from serving import Served  # noqa: E402

from keras_sr.images.plain import write_plain  # noqa: E402
from keras_sr.images.resize import imresize  # noqa: E402

PHOTOGRAPHS = {
    "portrait.png": skimage.data.astronaut,
    "cat.jpg": skimage.data.chelsea,
    "cup.jpg": skimage.data.coffee,
    "launch.jpg": skimage.data.rocket,
}
PHONE = {"width": 390, "height": 780, "phone": True, "density": 2}


def main(folder: Path) -> None:
    """Take all pictures."""
    for name, photograph in PHOTOGRAPHS.items():
        write_plain(folder / name, imresize(photograph(), 0.5))
    served = Served()
    try:
        with browser() as driver:
            look_as(driver, 1180, 800)
            driver.get(served.url)
            choose(driver, folder)
            take(driver, "serve_desktop")
            look_as(driver, **PHONE)
            driver.refresh()
            time.sleep(2)
            take(driver, "serve_phone")
            look_as(driver, 1180, 800, dark=True)
            open_first(driver)
            take(driver, "serve_compare")
    finally:
        served.stop()


def choose(driver: Any, folder: Path) -> None:
    """Add the photographs, and wait until one is at work behind two that are done."""
    names = "\n".join(str(folder / name) for name in PHOTOGRAPHS)
    driver.find_element(By.ID, "files").send_keys(names)
    while len(driver.find_elements(By.CSS_SELECTOR, ".job.done")) < 2:
        time.sleep(0.1)
    time.sleep(1)


def open_first(driver: Any) -> None:
    """Open the first picture at the size of its pixels."""
    driver.find_element(By.CSS_SELECTOR, ".job.done .look").click()
    while driver.find_element(By.ID, "busy").is_displayed():
        time.sleep(0.1)
    driver.find_element(By.ID, "full").click()
    time.sleep(1)


def take(driver: Any, name: str) -> None:
    """Write what is seen."""
    time.sleep(0.5)
    driver.save_screenshot(str(ROOT / "docs" / "images" / f"{name}.png"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
