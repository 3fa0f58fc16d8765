"""A real Chromium for the tests: Debian's packages chromium and chromium-driver."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

#: axe-core, which knows what a screen reader and a keyboard need: `make axe`.
AXE = Path(__file__).parents[2] / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@contextmanager
def browser(*flags):
    """Yield a new Chromium with a profile of its own, which goes when it ends."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    # What Chromium puts elsewhere into the folder for temporary files goes with it, too.
    with tempfile.TemporaryDirectory(prefix="keras_sr_chromium_", ignore_cleanup_errors=True) as place:
        for flag in (*FLAGS, f"--user-data-dir={place}/profile", *flags):
            options.add_argument(flag)
        driver = webdriver.Chrome(options, Service(DRIVER, env={**os.environ, "TMPDIR": place}))
        try:
            yield driver
        finally:
            driver.quit()


def look_as(driver, width=1280, height=900, *, dark=False, phone=False, density=1):
    """Give a browser a screen: its size, its colours, and fingers instead of a mouse."""
    screen = {"width": width, "height": height, "deviceScaleFactor": density, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone, "maxTouchPoints": 5})
    colours = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": colours})


def violations(driver):
    """Return what axe finds wrong with the page as it is."""
    driver.execute_script(AXE.read_text("utf-8"))
    found = driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']}).then((found) => done(found.violations));"
    )
    return [(one["id"], one["help"], [node["html"][:120] for node in one["nodes"]]) for one in found]
