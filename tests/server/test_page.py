"""The page in a real Chromium: what somebody without a terminal does, and what a hostile page tries."""

import base64
import http.server
import io
import json
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("selenium", reason="needs the extra dev")

from browsing import AXE, CHROMIUM, DRIVER, browser, look_as, violations
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from serving import command, encoded, photograph

from keras_sr.images.picture import read

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs the Debian packages chromium and chromium-driver"
)
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make axe")


@pytest.fixture(scope="module")
def driver(served, tmp_path_factory):
    downloads = tmp_path_factory.mktemp("downloads")
    with browser() as driver:
        driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
        )
        driver.downloads = downloads
        yield driver


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three pictures that differ, the first of them some seconds of work in several tiles."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, height, width in (("sea.png", 560, 520), ("hill.png", 60, 80), ("tree.png", 50, 70)):
        (folder / name).write_bytes(encoded(photograph(height, width, len(name))))
    return folder


class Page:
    """The page, in words of who uses it."""

    def __init__(self, driver, served, **screen):
        self.driver = driver
        look_as(driver, **screen)
        driver.get(served.url)
        driver.execute_script("localStorage.clear()")
        self.reload()
        self.set("network", "lite_x4")

    def reload(self):
        self.driver.refresh()
        self.until(lambda: self.all("#purposes input"))

    def until(self, check, seconds=120):
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: check())

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def set(self, name, value):
        self.driver.execute_script(
            "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
            "field.dispatchEvent(new Event('input', {bubbles: true}));",
            name,
            value,
        )

    def choose(self, *paths):
        self.one("#files").send_keys("\n".join(map(str, paths)))

    def row(self, name):
        return next(
            row for row in self.all(".job") if row.find_element(By.CSS_SELECTOR, ".name").text == name
        )

    def wait_for(self, state, count=1):
        self.until(lambda: len(self.all(f".job.{state}")) >= count)

    def press(self, name, what):
        self.row(name).find_element(By.CSS_SELECTOR, f".{what}").click()

    def compare(self, name):
        self.press(name, "look")
        self.until(lambda: not self.one("#busy").is_displayed())
        shown = "return [...document.querySelectorAll('.layer img')].every((one) => one.naturalWidth)"
        self.until(lambda: self.driver.execute_script(shown))

    def batch(self):
        return self.driver.execute_script("return JSON.parse(localStorage.getItem('keras-sr-batch'))")

    def stage(self):
        """Return the pixels of the stage as they are seen, float (H, W, 3)."""
        return read(self.one("#stage").screenshot_as_png).pixels[..., :3].astype(float)


@pytest.fixture
def page(driver, served):
    return Page(driver, served)


def test_three_pictures_are_enlarged_compared_and_downloaded(page, served, driver, pictures, tmp_path):
    page.choose(*(pictures / name for name in ("sea.png", "hill.png", "tree.png")))
    seen = set()
    while len(page.all(".job.done")) < 3:
        for bar in page.all(".job.running progress"):
            seen.add(driver.execute_script("return arguments[0].value", bar))
        time.sleep(0.05)
    assert len({value for value in seen if 0 < value < 1}) >= 2, "the bar did not move"
    assert page.one("#summary").text == "3 of 3 done"

    page.press("hill.png", "save")
    made = command(tmp_path, "hill.png", (pictures / "hill.png").read_bytes(), "-n", "lite_x4")
    path = driver.downloads / made[0]
    page.until(path.exists)
    page.until(lambda: path.read_bytes() == made[1], 10)
    page.one("#zip").click()
    page.until((driver.downloads / "keras-sr.zip").exists)


def test_the_slider_shows_both_halves_of_the_picture_that_was_asked_for(page, served, pictures):
    page.choose(pictures / "hill.png", pictures / "tree.png")
    page.wait_for("done", 2)
    for name in ("tree.png", "hill.png"):
        page.compare(name)
        page.one("#full").click()
        batch = served.client.get(f"/v1/batches/{page.batch()}").json()
        job = next(job for job in batch["jobs"] if job["name"] == name)
        after = read(served.client.get(f"/v1/jobs/{job['id']}/result").content).pixels
        before = Image.open(pictures / name).resize(
            (after.shape[1], after.shape[0]), Image.Resampling.BILINEAR
        )
        seen = {}
        for side, value in (("after", 0), ("before", 100)):
            page.set("split", value)
            stage = page.stage()
            top, left = (stage.shape[0] - after.shape[0]) // 2, (stage.shape[1] - after.shape[1]) // 2
            seen[side] = stage[top : top + after.shape[0] - 40, left : left + after.shape[1]]
        rows = after.shape[0] - 40
        np.testing.assert_array_equal(seen["after"], after[:rows])
        assert np.abs(seen["before"] - np.asarray(before)[:rows]).mean() < 4
        page.set("split", 50)
        half = page.stage()[top : top + rows, left : left + after.shape[1]]
        middle = after.shape[1] // 2
        np.testing.assert_array_equal(half[:, middle + 4 :], seen["after"][:, middle + 4 :])
        np.testing.assert_array_equal(half[:, : middle - 4], seen["before"][:, : middle - 4])
        page.one("#close").click()


def test_both_halves_zoom_and_pan_together(page, pictures):
    page.choose(pictures / "sea.png")
    page.wait_for("done")
    page.compare("sea.png")
    ActionChains(page.driver).send_keys("1", "+", "+").perform()
    assert page.one("#zoom").text.replace("\u00a0", " ") == "225 %"
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT, Keys.ARROW_UP).key_up(
        Keys.SHIFT
    ).perform()
    corner = """const place = (side) => { const images = [...document.querySelectorAll(`#${side} img`)];
        return [Math.min(...images.map((one) => one.getBoundingClientRect().x)),
                Math.max(...images.map((one) => one.getBoundingClientRect().right))]; };
        return [place("before"), place("after")]"""
    before, after = page.driver.execute_script(corner)
    assert before[0] <= 0
    assert after[0] <= 0
    ActionChains(page.driver).send_keys("0").perform()
    before, after = page.driver.execute_script(corner)
    assert before == after
    page.one("#close").click()


def test_a_picture_can_be_cancelled_and_tried_again(page, pictures, tmp_path):
    ocean = tmp_path / "ocean.png"  # a minute of work, on whatever machine: it will not end by itself
    ocean.write_bytes(encoded(photograph(1500, 2000)))
    page.set("network", "srresnet_mse")
    page.choose(ocean)
    page.wait_for("running")
    page.choose(pictures / "hill.png")
    page.wait_for("queued")
    page.press("hill.png", "cancel")
    page.wait_for("cancelled")
    page.press("ocean.png", "cancel")
    page.wait_for("cancelled", 2)
    page.set("network", "lite_x4")
    page.press("hill.png", "retry")
    page.wait_for("done")
    assert "320 × 240" in page.row("hill.png").text.replace("\u00a0", " ")


def test_a_text_that_is_called_a_picture_is_named_and_the_others_are_done(page, pictures, tmp_path):
    (tmp_path / "notes.png").write_text("hello")
    page.choose(tmp_path / "notes.png", pictures / "hill.png")
    page.wait_for("failed")
    page.wait_for("done")
    assert "not a picture" in page.row("notes.png").text
    assert page.one("#summary").text == "1 of 2 done · 1 failed"
    page.press("notes.png", "remove")
    page.until(lambda: len(page.all(".job")) == 1)


def test_names_are_shown_and_never_run(page, pictures, tmp_path):
    name = "<img src=x onerror=document.title='owned'>.png"
    (tmp_path / name).write_bytes((pictures / "hill.png").read_bytes())
    page.choose(tmp_path / name)
    page.wait_for("done")
    assert page.one(".job .name").text == "_img src=x onerror=document.title='owned'_.png"
    assert page.driver.title == "keras-sr"


def test_what_was_done_and_chosen_is_there_after_a_reload_and_in_another_tab(page, served, pictures):
    page.one("input[name=purpose][value=fast]").click()
    page.one("input[name=size][value='2']").find_element(By.XPATH, "..").click()
    page.choose(pictures / "hill.png")
    page.wait_for("done")
    assert "160 × 120" in page.one(".job").text.replace("\u00a0", " ")
    page.reload()
    page.wait_for("done")
    assert page.one("input[name=purpose]:checked").get_attribute("value") == "fast"
    assert page.one("input[name=size]:checked").get_attribute("value") == "2"
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(served.url)
    page.wait_for("done")
    page.choose(pictures / "tree.png")
    page.wait_for("done", 2)
    page.driver.close()
    page.driver.switch_to.window(first)
    page.wait_for("done", 2)


def test_pictures_are_dropped_and_pasted(page, served, pictures):
    for kind in ("drop", "paste"):
        page.driver.execute_script(
            """const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], `${arguments[1]}.png`, {type: "image/png"}));
            document.body.dispatchEvent(arguments[1] === "drop"
              ? new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})
              : new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));""",
            base64.b64encode((pictures / "hill.png").read_bytes()).decode(),
            kind,
        )
    page.wait_for("done", 2)
    assert {row.find_element(By.CSS_SELECTOR, ".name").text for row in page.all(".job")} == {
        "drop.png",
        "paste.png",
    }


def test_a_whole_folder_comes_back_as_a_zip_with_its_folders(page, served, pictures, tmp_path):
    for path in ("holiday/a.png", "holiday/beach/b.png", "holiday/notes.txt", "holiday/.hidden.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((pictures / "tree.png").read_bytes())
    page.one("#folder").send_keys(str(tmp_path / "holiday"))
    page.wait_for("done", 2)
    href = page.one("#zip").get_attribute("href")
    with zipfile.ZipFile(io.BytesIO(served.client.get(href).content)) as archive:
        assert sorted(archive.namelist()) == ["holiday/a_x4.png", "holiday/beach/b_x4.png"]


def test_everything_can_be_done_with_the_keyboard_alone(page, pictures):
    def focused():
        return page.driver.execute_script(
            "const one = document.activeElement; return one.id || one.className || one.name || one.tagName"
        )

    def tab_to(what, limit=40):
        for _ in range(limit):
            ActionChains(page.driver).send_keys(Keys.TAB).perform()
            if what in focused():
                return
        raise AssertionError(f"{what} is not reached, but {focused()}")

    tab_to("files")  # the dialog for files is the system's
    page.choose(pictures / "hill.png")
    page.wait_for("done")
    page.driver.execute_script("document.activeElement.blur()")
    tab_to("look")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.until(lambda: not page.one("#busy").is_displayed())
    assert focused() == "split"
    before = float(page.one("#split").get_attribute("value"))
    ActionChains(page.driver).send_keys(*[Keys.ARROW_RIGHT] * 10).perform()
    assert float(page.one("#split").get_attribute("value")) > before
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    assert not page.one("#viewer").get_attribute("open")
    assert "look" in focused()
    tab_to("save")
    tab_to("remove")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.until(lambda: not page.all(".job"))
    assert focused() == "files"


@needs_axe
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_axe_finds_nothing(driver, served, pictures, tmp_path, dark, phone):
    screen = {"width": 390, "height": 844, "phone": True, "density": 2} if phone else {}
    page = Page(driver, served, dark=dark, **screen)
    assert violations(driver) == []
    (tmp_path / "notes.png").write_text("hello")
    page.choose(pictures / "hill.png", tmp_path / "notes.png")
    page.wait_for("done")
    page.wait_for("failed")
    if phone:
        page.one("#box > summary").click()
    page.one("#more > summary").click()
    assert violations(driver) == []
    page.compare("hill.png")
    assert violations(driver) == []
    page.one("#close").click()
    driver.execute_script("document.querySelector('main').append(new Image())")
    assert [name for name, *_ in violations(driver)] == ["image-alt"]  # it would have found something


def test_a_phone_needs_no_sideways_scrolling_and_has_room_for_fingers(driver, served, pictures):
    page = Page(driver, served, width=360, height=740, phone=True, density=2)
    assert page.one("#camera").get_attribute("capture") == "environment"
    assert page.one("#camera").find_element(By.XPATH, "..").is_displayed()
    page.choose(pictures / "hill.png")
    page.wait_for("done")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 360
    for button in page.all(".button"):
        if button.is_displayed():
            assert button.size["height"] >= 44, button.text
    page.compare("hill.png")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 360
    assert page.one("#stage").size["height"] > 400
    page.one("#close").click()


def test_the_page_asks_no_other_host_for_anything(page, served, pictures):
    page.driver.get_log("performance")
    page.reload()
    page.choose(pictures / "hill.png")
    page.wait_for("done")
    page.compare("hill.png")
    page.one("#close").click()
    asked = set()
    for entry in page.driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.add(message["params"]["request"]["url"])
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith((served.url, "data:"))] == []


def test_a_server_that_is_gone_is_said_and_one_that_is_back_forgets_politely(start_server, driver, pictures):
    server = start_server()
    page = Page(driver, server)
    page.choose(pictures / "hill.png")
    page.wait_for("done")
    server.stop()
    page.until(lambda: page.one("#offline").is_displayed(), 20)
    assert "start it again" in page.one("#offline").text


def test_a_server_with_a_token_asks_for_it_and_a_link_with_it_needs_no_asking(start_server, driver, pictures):
    token = "a-token-for-the-tests"
    server = start_server(token=token)
    look_as(driver)
    driver.get(server.url)
    wait = WebDriverWait(driver, 20)
    field = wait.until(lambda _: driver.find_element(By.ID, "token"))
    wait.until(lambda _: field.is_displayed())
    field.send_keys("wrong", Keys.ENTER)
    wait.until(lambda _: driver.find_element(By.ID, "login-error").is_displayed())
    field.clear()
    field.send_keys(token, Keys.ENTER)
    wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#purposes input"))
    driver.delete_all_cookies()
    driver.get("about:blank")
    driver.get(f"{server.url}/#token={token}")
    wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#purposes input"))
    assert token not in driver.current_url


HOSTILE = Path(__file__).with_name("hostile.html")


class HostilePage(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(HOSTILE.read_bytes())

    def log_message(self, *args):
        pass


@pytest.fixture
def hostile():
    """A web server of somebody else, at another port of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), HostilePage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("site", ["http://evil.example", "http://localhost", "http://127.0.0.1"])
def test_a_hostile_page_can_read_nothing_and_change_nothing(served, hostile, site):
    # Its address is looked up like any other; here it leads to this machine.
    with browser("--host-resolver-rules=MAP evil.example 127.0.0.1") as driver:
        driver.get(f"{site}:{hostile}/")
        before = batches(served)
        told = driver.execute_async_script(
            "attack(arguments[0]).then(arguments[arguments.length - 1])", served.url
        )
        assert told.pop("beacon") in ("true", "false")  # says only that it was sent
        unseen = {told.pop("multipart unseen"), told.pop("batch unseen")}
        assert unseen <= {"opaque", "blocked"}  # sent, refused, and not to be read
        assert set(told.values()) == {"blocked"}, told
        assert batches(served) == before
        for refused in ("/v1/batches", "/v1/jobs"):
            assert served.stranger.post(refused, headers={"Origin": f"{site}:{hostile}"}).status_code == 403


def batches(served):
    """Return what would show that something was made: jobs, and how many ended or were refused."""
    lines = served.client.get("/metrics").text.splitlines()
    return [line for line in lines if line.startswith(("keras_sr_jobs", "keras_sr_batches"))]


def test_a_name_that_an_attacker_leads_to_this_server_shows_nothing(served):
    with browser("--host-resolver-rules=MAP evil.example 127.0.0.1") as driver:
        driver.get(f"http://evil.example:{served.port}/")
        assert "does not go by that name" in driver.find_element(By.TAG_NAME, "body").text
        statuses = driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "const ask = (path, method) => fetch(path, {method}).then((one) => one.status);"
            "Promise.all([ask('/', 'GET'), ask('/v1/networks', 'GET'), ask('/healthz', 'GET'),"
            " ask('/v1/batches', 'POST')]).then(done)"
        )
        assert statuses == [421] * 4


def test_no_other_page_can_put_this_one_into_a_frame(served, hostile):
    with browser() as driver:
        driver.get(f"http://127.0.0.1:{hostile}/")
        driver.execute_script("document.querySelector('iframe').src = arguments[0]", served.url)
        time.sleep(1)
        driver.switch_to.frame(0)
        assert not driver.find_elements(By.ID, "drop")
