"""The page in a real browser: what people do with it, and what they see.

Debian's ``chromium`` and ``chromium-driver``, driven by Selenium; skipped where they are not
installed.
"""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn

from evaluation.questions import make_case
from evaluation.seeds import DEMO
from sdk.geometry import iou
from sdk.grounder import Grounder
from sdk.serve.app import STATIC, make_app
from sdk.serve.limits import Limits

webdriver = pytest.importorskip("selenium.webdriver")
axe = pytest.importorskip("axe_core_python.selenium")

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="apt-get install chromium chromium-driver"
)
DESKTOP, PHONE = (1280, 800), (360, 740)
CROSSING = STATIC / "scenes" / "crossing.jpg"
TAB, ENTER = "\ue004", "\ue007"


@dataclass
class Page:
    """The page in the browser; texts and boxes as people see them."""

    driver: Any
    until: Callable[..., None]

    def wait(self, holds: Callable[[], bool]) -> None:
        """Waits for the page; an engine that cannot be opened is not waited for."""

        def holds_or_never() -> bool:
            engine = self.one("#engine")
            assert engine.get_attribute("data-state") != "failing", engine.text
            return holds()

        self.until(holds_or_never)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        (found,) = self.all(selector)
        return found

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def resize(self, wh: tuple[int, int]) -> None:
        size = {"width": wh[0], "height": wh[1], "deviceScaleFactor": 1, "mobile": wh == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def choose(self, path: Path) -> None:
        self.one("#file").send_keys(str(path))
        self.wait(lambda: path.name in self.shown() + self.one("#error").text)

    def shown(self) -> str:
        """What the picture is said to be."""
        return self.one("#image").get_attribute("alt")

    def type(self, ref: str) -> None:
        self.one("#ref").clear()
        self.one("#ref").send_keys(ref + ENTER)

    def answered(self, ref: str) -> dict[str, Any]:
        """The answer that is drawn, once it is that of a sentence."""
        self.wait(lambda: f'"ref": "{ref}"' in self.one("#json").get_attribute("textContent"))
        return json.loads(self.one("#json").get_attribute("textContent"))

    def ask(self, ref: str) -> dict[str, Any]:
        self.type(ref)
        return self.answered(ref)

    def drawn_xyxy(self, selector: str, frame_wh: list[int]) -> np.ndarray:
        """Where a box is on the picture, in pixels of the picture: measured on the screen."""
        box, image = self.run(
            f"return ['{selector}', '#image'].map((each) => {{"
            " const r = document.querySelector(each).getBoundingClientRect();"
            " return [r.left, r.top, r.right, r.bottom]; })"
        )
        scale = np.divide(frame_wh, np.subtract(image[2:], image[:2]))
        return (np.asarray(box) - np.tile(image[:2], 2)) * np.tile(scale, 2)

    def violations(self) -> list[str]:
        """What axe-core finds wrong for people who see little, or use a keyboard, or a reader."""
        found = axe.Axe().run(self.driver)
        assert {"color-contrast", "label", "button-name"} <= {
            each["id"] for each in found["passes"]
        }
        return [
            f"{each['id']}: {[node['html'] for node in each['nodes']]}"
            for each in found["violations"]
        ]


@contextmanager
def listening(loaded: threading.Event) -> Iterator[str]:
    """The address of a server with the bundled engine, which opens when ``loaded`` is set."""

    def opening() -> Grounder:
        assert loaded.wait(60)
        return Grounder(threads=1)

    server = uvicorn.Server(uvicorn.Config(make_app(opening, Limits()), log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            loaded.set()
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for each in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "no-first-run",
    ):
        options.add_argument(f"--{each}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER)) as driver:
        yield driver


@pytest.fixture(scope="module")
def ready() -> Iterator[str]:
    """The address of a server for all tests that do not wait for its engine."""
    loaded = threading.Event()
    loaded.set()
    with listening(loaded) as address:
        yield address


@pytest.fixture
def visit(driver: Any, wait_until: Callable[..., None]) -> Iterator[Callable[[str], Page]]:
    """``visit(address)``: a fresh page."""

    def visiting(address: str) -> Page:
        page = Page(driver, wait_until)
        page.resize(DESKTOP)
        driver.get(address)
        page.wait(lambda: len(page.all("#scenes button")) == 3)
        return page

    yield visiting
    driver.get("about:blank")  # which asks no server for its health


@pytest.fixture
def page(visit: Callable[[str], Page], ready: str) -> Page:
    return visit(ready)


def write(path: Path) -> Path:
    """A grey picture of our own."""
    cv2.imwrite(str(path), np.full((200, 300, 3), 90, np.uint8))
    return path


def write_notes(path: Path) -> Path:
    """A file that is no picture, whatever it is called."""
    path.write_text("no picture")
    return path


def test_a_picture_a_sentence_and_the_box(visit: Callable[[str], Page], tmp_path: Path) -> None:
    truth, loaded = make_case(DEMO), threading.Event()
    with listening(loaded) as address:
        page = visit(address)
        assert "loading" in page.one("#engine").text
        page.type("the person in purple")
        assert "Choose a picture first" in page.one("#error").text
        shutil.copy(CROSSING, tmp_path / "my street.jpg")
        page.choose(tmp_path / "my street.jpg")
        page.type("the person in purple")
        page.wait(lambda: "the engine is loading" in page.one("#error").text)
        loaded.set()  # and the page asks again by itself
        answer = page.answered("the person in purple")
        page.wait(lambda: page.one("#engine").text.startswith("piza-tiny@"))
        assert not page.one("#error").is_displayed()

        assert answer["found"]
        (box,) = page.all(".box[data-kind=found]")
        drawn = page.drawn_xyxy(".box[data-kind=found]", answer["frame_wh"])
        assert np.abs(drawn - answer["xyxy"]).max() < 1.5  # the browser's fraction of a pixel
        assert iou(drawn, truth.target_xyxy) > 0.8
        assert [float(v) for v in box.get_attribute("data-xyxy").split()] == answer["xyxy"]
        windows = page.all(".box[data-kind=window]")
        assert len(windows) == len(answer["zooms"]) - 1 == 1  # the first is the whole picture
        window = page.drawn_xyxy(".box[data-kind=window]", answer["frame_wh"])
        assert np.abs(window - answer["zooms"][1]["window_xyxy"]).max() < 1.5
        panels = [each.text for each in page.all("#strip li")]
        assert [each.split()[0] for each in panels] == ["1", "2", "found"]
        assert "the whole picture, 1,920 × 1,080 px" in panels[0]
        assert f"{answer['score']:.3f}" in page.one("#scores").text
        assert f"{answer['timing_ms']['image']:.1f} ms" in page.one("#times").text
        assert_strip_shows(page, answer)


def assert_strip_shows(page: Page, answer: dict[str, Any]) -> None:
    """The middle of the last panel has the colours of the object that was found."""
    picture = cv2.imread(str(CROSSING))[:, :, ::-1]
    x1, y1, x2, y2 = (round(value) for value in answer["xyxy"])
    shown = page.run(
        "const c = [...document.querySelectorAll('#strip canvas')].at(-1);"
        "const w = c.width / 2.6, h = c.height / 2.6;"
        "const d = c.getContext('2d').getImageData((c.width - w) / 2 + 4, (c.height - h) / 2 + 4,"
        " w - 8, h - 8).data;"
        "return [0, 1, 2].map((k) => d.filter((_, n) => n % 4 === k)"
        ".reduce((a, b) => a + b, 0) / (d.length / 4))"
    )
    wanted = picture[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].mean(axis=(0, 1))
    assert np.abs(np.subtract(shown, wanted)).max() < 15


def test_scenes_runner_up_and_what_is_not_there(page: Page) -> None:
    page.one("#scenes button[data-file='avenue.jpg']").click()
    page.wait(lambda: len(page.all("#suggestions button")) == 4)
    (cone,) = [each for each in page.all("#suggestions button") if each.text == "the orange cone"]
    cone.click()
    answer = page.answered("the orange cone")
    rival = page.drawn_xyxy(".box[data-kind=rival]", answer["frame_wh"])
    assert np.abs(rival - answer["rival"]["xyxy"]).max() < 1.5
    assert "Runner-up" in page.one("#scores").text
    assert page.all("#strip li")[-1].text.startswith("runner-up")
    answer = page.ask("the yellow bus")
    assert not answer["found"]
    (box,) = page.all(".box[data-kind=missed]")
    assert "dashed" in box.value_of_css_property("outline-style")
    assert not page.all(".box[data-kind=found]")
    assert answer["reason"] in page.one("#reason").text
    assert page.violations() == []
    newest, oldest = page.all("#answers button")
    assert [each.text.split("\n")[1] for each in (newest, oldest)] == ["not found", "found"]
    oldest.click()
    assert page.answered("the orange cone")["rival"]
    assert len(page.all(".box[data-kind=rival]")) == 1
    page.one("#scenes button[data-file='road.jpg']").click()
    page.wait(lambda: not page.all("#answers button"))  # they were of another picture
    assert not page.all(".box")
    hosts = page.run(
        "return performance.getEntriesByType('resource').map((e) => new URL(e.name).origin)"
        ".filter((each) => each !== location.origin && each !== 'null')"
    )
    assert hosts == []
    said = [each["message"] for each in page.driver.get_log("browser")]
    assert not [each for each in said if "status of" not in each]  # refused, as they have to be


def test_bad_files(page: Page, tmp_path: Path) -> None:
    good = write(tmp_path / "good.png")
    page.choose(good)
    page.choose(write_notes(tmp_path / "notes.jpg"))
    page.wait(lambda: "notes.jpg is no picture" in page.one("#error").text)
    assert "good.png" in page.shown()  # that one stays
    page.choose(write(tmp_path / "shown.bmp"))  # which the server does not take
    assert not page.one("#error").is_displayed()
    page.type("a car")
    page.wait(lambda: "expected a JPEG, PNG or WebP file in shown.bmp" in page.one("#error").text)
    assert page.one("#error").get_attribute("role") == "alert"
    assert not page.all(".box")
    page.choose(good)
    page.type("...")
    page.wait(lambda: page.one("#error").is_displayed())
    assert "word" in page.one("#error").text
    page.ask("the car")
    assert not page.one("#error").is_displayed()


def test_files_that_are_dropped(page: Page) -> None:
    drop = (
        "const drop = (parts, name) => {"
        "  const files = new DataTransfer(); files.items.add(new File(parts, name));"
        "  const how = {dataTransfer: files, bubbles: true, cancelable: true};"
        "  document.querySelector('#stage').dispatchEvent(new DragEvent('drop', how)); };"
    )
    page.run(f"{drop} drop(['no picture'], 'dropped.txt');")
    page.wait(lambda: "dropped.txt is no picture" in page.one("#error").text)
    page.run(
        f"{drop} fetch('static/scenes/road.jpg').then((answer) => answer.blob())"
        ".then((picture) => drop([picture], 'dropped.jpg'));"
    )
    page.wait(lambda: "dropped.jpg" in page.shown())
    assert not page.one("#error").is_displayed()
    assert page.ask("the blue cone")["found"]


def test_by_keyboard_alone(page: Page) -> None:
    def press(*keys: str) -> str:
        """The element that has the focus then, which is seen to have it."""
        webdriver.ActionChains(page.driver).send_keys(*keys).perform()
        focused = page.driver.switch_to.active_element
        shown = page.run(
            "const e = document.activeElement;"
            "const s = getComputedStyle(e.id === 'file' ? e.nextElementSibling : e);"
            "return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2"
        )
        assert shown, focused.get_attribute("outerHTML")
        return focused.get_attribute("id") or focused.text

    assert press(TAB) == "Skip to the question"
    assert [press(TAB) for _ in range(4)] == ["file", "crossing", "avenue", "road"]
    assert press(ENTER) == "road"
    page.wait(lambda: len(page.all("#suggestions button")) == 4)
    assert press(TAB) == "ref"
    assert press("the blue cone", ENTER) == "ref"
    assert page.answered("the blue cone")["found"]
    assert press(TAB) == "ask"
    steps = [press(TAB) for _ in range(6)]  # four suggestions, the answer, the strip
    assert steps[0] == "the blue motorcycle behind the yellow cone"
    assert steps[4].startswith("the blue cone\nfound")
    assert steps[5] == "strip"
    assert press("/") == "ref"


def test_on_a_phone(page: Page, tmp_path: Path) -> None:
    page.resize(PHONE)
    page.one("#scenes button[data-file='crossing.jpg']").click()
    page.wait(lambda: page.all("#suggestions button"))
    answer = page.ask("the person in purple")
    assert page.run("return document.documentElement.scrollWidth") == PHONE[0]
    drawn = page.drawn_xyxy(".box[data-kind=found]", answer["frame_wh"])
    assert np.abs(drawn - answer["xyxy"]).max() < 6  # a pixel of the screen
    small = page.run(
        "return [...document.querySelectorAll('button, input[type=text], label, summary')]"
        ".map((e) => [e, e.getBoundingClientRect()])"
        ".filter(([e, r]) => e.htmlFor !== 'ref' && (r.height < 36 || r.right > innerWidth))"
        ".map(([e]) => e.outerHTML)"
    )
    assert small == []
    page.choose(write_notes(tmp_path / "notes.jpg"))
    assert page.one("#error").is_displayed()
    assert page.violations() == []
