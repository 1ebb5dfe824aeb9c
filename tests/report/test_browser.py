"""The report in a real browser: headless Chromium, driven through its own debugging pipe, so that
nothing else is needed."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recon.io import write_volume
from recon.report.page import write_report
from recon.series import Volume

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
N = 24


class Browser:
    """A page in headless Chromium; the protocol is
    https://chromedevtools.github.io/devtools-protocol, one JSON text a NUL."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = (
            "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
            "--remote-debugging-pipe --no-first-run --window-size=1280,1000"
        )
        # The browser reads from descriptor 3 and writes to 4.
        words = f'exec "$0" {flags} --user-data-dir="$1" about:blank 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", words, CHROMIUM, str(profile)],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._waiting = b""
        self._number = 0
        self._session = ""
        self.problems: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = str(
            self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        )
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.requests: list[str] = []

    def send(self, method: str, /, **parameters: object) -> dict[str, object]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | (
            {"sessionId": self._session} if self._session else {}
        )
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result = answer["result"]
                assert isinstance(result, dict)
                return result

    def _next(self) -> dict[str, object]:
        while b"\0" not in self._waiting:
            piece = os.read(self._in, 1 << 20)
            assert piece, "the browser went away"
            self._waiting += piece
        text, self._waiting = self._waiting.split(b"\0", 1)
        message = json.loads(text)
        if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.problems.append(json.dumps(message["params"]))
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        assert isinstance(message, dict)
        return message

    def run(self, script: str) -> object:
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        result = answer["result"]
        assert isinstance(result, dict)
        return result.get("value")

    def until(self, script: str) -> None:
        while not self.run(script):  # ``run`` fails once the browser is gone
            time.sleep(0.03)

    def open(self, address: str) -> None:
        self.send("Page.navigate", url=address)
        self.until(
            "document.readyState === 'complete' && "
            "[...document.querySelectorAll('canvas.picture')].every(c => c.dataset.picture)"
        )

    def key(self, name: str, modifiers: int = 0) -> None:
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, modifiers=modifiers)

    def point(self, x: float, y: float, *, click: bool = False) -> None:
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)


def ramp() -> np.ndarray:
    """Every section of every axis differs from its neighbours."""
    z, y, x = np.mgrid[:N, :N, :N].astype(np.float32)
    return np.asarray(
        (z + 2 * y + 3 * x + 20 * ((x - y) ** 2 + (z - 12) ** 2 < 30)) / 10, dtype=np.float32
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a folder & more")
    angles = np.arange(-60.0, 61.0, 4.0)
    for name, volume in (("wbp", ramp() + 1), ("tv", ramp())):
        (folder / name).mkdir()
        record = {
            "name": "ramp <needle>",
            "algorithm": name,
            "residual": 0.1,
            "residual_per_view": np.linspace(0.1, 0.2, angles.size).tolist(),
            "residual_per_iteration": [1.0, 0.5, 0.2],
            "angles_deg": angles.tolist(),
            "shifts_px": [[0.1 * i, 1.0] for i in range(angles.size)],
            "axis_deg": 1.0,
            "shape_zyx": [N, N, N],
            "voxel_nm": 0.5,
            "warnings": ["beware of <b>"],
            "trust": {
                "rows": 24,
                "withheld": {name: 0.1 if name == "tv" else 0.2, "sirt": 0.15},
                "withheld_angles_deg": [-40.0, 0.0, 40.0],
                "withheld_per_view": {name: [0.1, 0.2, 0.1], "sirt": [0.15, 0.15, 0.15]},
                "whitened_residual_per_view": np.linspace(1, 2, angles.size).tolist(),
                "even_odd_fsc": {"frequency": [0.1, 0.3, 0.5], "correlation": [1.0, 0.4, 0.1]},
            },
        }
        (folder / name / "run.json").write_text(json.dumps(record), "utf-8")
        write_volume(
            Volume(torch.from_numpy(volume), 0.5, unit="density"), folder / name / "tomogram.mrc"
        )
        write_volume(
            Volume(torch.from_numpy(ramp()), 0.5, unit="density"), folder / name / "truth.mrc"
        )
    return write_report(folder, [folder / "wbp", folder / "tv"], {"sart": "3 subsets given"})


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


def shown(browser: Browser, index: int = 0) -> np.ndarray:
    """The picture on a panel's canvas, as the page's own PNG of it: (down, right,
    red-green-blue)."""
    uri = browser.run(f"document.querySelectorAll('canvas.picture')[{index}].toDataURL()")
    return np.asarray(
        Image.open(io.BytesIO(base64.b64decode(str(uri).split(",")[1]))).convert("RGB")
    ).astype(int)


def screen(browser: Browser) -> np.ndarray:
    """What the window shows of the first panel."""
    browser.run("document.querySelector('.frame').scrollIntoView({block: 'center'})")
    box = browser.run(
        "(({x, y, width, height}) => ({x, y: y + scrollY, width, height, scale: "
        "1}))(document.querySelector('.frame').getBoundingClientRect())"
    )
    data = browser.send("Page.captureScreenshot", clip=box)["data"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(str(data)))).convert("L")).astype(int)


def text(browser: Browser, selector: str) -> str:
    return str(browser.run(f"document.querySelector({selector!r}).textContent"))


def test_the_slider_changes_the_picture(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    browser.run("document.getElementById('tab-xy').click()")
    browser.until("document.getElementById('tab-xy').getAttribute('aria-selected') === 'true'")
    pictures, screens = [], []
    for position in (3, 12, 20):
        browser.run(
            f"(s => {{ s.value = {position}; s.dispatchEvent(new Event('input', {{bubbles: "
            f"true}})); }})(document.getElementById('position'))"
        )
        assert text(browser, "#position-text") == f"z = {position} of {N}"
        pictures.append(shown(browser))
        screens.append(screen(browser))
    for a, b in ((0, 1), (1, 2)):
        assert np.abs(pictures[a] - pictures[b]).mean() > 3
        assert np.abs(screens[a] - screens[b]).mean() > 3
    assert browser.run("location.hash") == "#xy=20"


@pytest.mark.parametrize(("axis", "at"), [("xy", 4), ("xz", 17), ("zy", 9)])
def test_the_picture_is_the_section_of_the_volume(
    browser: Browser, page: Path, axis: str, at: int
) -> None:
    browser.open("about:blank")
    browser.open(f"{page.as_uri()}#{axis}={at}")
    browser.until(f"document.getElementById('tab-{axis}').getAttribute('aria-selected') === 'true'")
    volume = ramp() + 1
    section = {"xy": volume[at], "xz": volume[:, at], "zy": volume[:, :, at]}[axis]
    picture = shown(browser)[..., 0]
    assert picture.shape == (N, N)
    low, high, black, white = np.array(
        browser.run("JSON.parse(document.getElementById('data').textContent).window"), float
    )
    step = (high - low) / 255  # the window's ends are rounded to the sheet's 8-bit greys
    black, white = (low + step * round((end - low) / step) for end in (black, white))
    expected = np.clip(255 * (section - black) / (white - black), 0, 255)
    assert ((expected > 5) & (expected < 250)).mean() > 0.5
    assert np.abs(expected - picture).max() <= 0.6 * 255 * step / (white - black) + 1


def test_arrow_keys_move_the_section(browser: Browser, page: Path) -> None:
    browser.open("about:blank")
    browser.open(f"{page.as_uri()}#xz=5")
    before = shown(browser, 1)
    browser.key("ArrowRight")
    assert text(browser, "#position-text") == f"y = 6 of {N}"
    assert np.abs(shown(browser, 1) - before).max() > 0
    browser.key("ArrowRight", modifiers=8)  # with Shift
    assert text(browser, "#position-text") == f"y = 16 of {N}"
    browser.key("ArrowLeft")
    assert text(browser, "#position-text") == f"y = 15 of {N}"


def test_the_cursor_is_at_the_same_place_in_all_methods(browser: Browser, page: Path) -> None:
    browser.open("about:blank")
    browser.open(f"{page.as_uri()}#xz=5")
    browser.run("document.querySelector('.frame').scrollIntoView({block: 'center'})")
    box = browser.run(
        "(r => [r.x, r.y, r.width, r.height])(document.querySelectorAll('#panels "
        ".frame')[1].getBoundingClientRect())"
    )
    assert isinstance(box, list)
    browser.point(box[0] + 0.25 * box[2], box[1] + 0.75 * box[3], click=True)
    places = browser.run(
        "[...document.querySelectorAll('#panels .frame')].map(f => "
        "[getComputedStyle(f.querySelector('.down')).display, "
        "parseFloat(f.querySelector('.down').style.left), "
        "parseFloat(f.querySelector('.across').style.top)])"
    )
    assert isinstance(places, list)
    assert len(places) == 3
    for display, left, top in places:
        assert display == "block"
        assert (left, top) == pytest.approx((25, 75), abs=1)
    values = browser.run(
        "[...document.querySelectorAll('#panels output')].map(o => parseFloat(o.textContent))"
    )
    assert isinstance(values, list)
    assert values[0] - values[1] == pytest.approx(1, abs=0.15)  # the volumes differ by 1
    assert values[1] == pytest.approx(values[2], abs=0.1)
    browser.run(
        "document.getElementById('tab-xy').click()"
    )  # z is three quarters down, x a quarter across
    assert text(browser, "#position-text") == f"z = {3 * N // 4} of {N}"
    browser.run("document.getElementById('tab-zy').click()")
    assert text(browser, "#position-text") == f"x = {N // 4} of {N}"


def test_the_difference_is_between_the_methods(browser: Browser, page: Path) -> None:
    browser.open("about:blank")
    browser.open(f"{page.as_uri()}#xz=8")
    browser.run("document.getElementById('difference').click()")
    blue = shown(browser, 1)  # tv is less than wbp by 1 everywhere
    assert (blue[..., 2] > blue[..., 0])[4:-4, 4:-4].mean() > 0.9
    browser.run(
        "(s => { s.value = 1; s.dispatchEvent(new Event('change')); "
        "})(document.getElementById('reference'))"
    )
    orange = shown(browser, 0)
    assert (orange[..., 0] > orange[..., 2])[4:-4, 4:-4].mean() > 0.9
    assert np.abs(shown(browser, 2) - 16).max() < 12  # the truth is tv: no difference
    assert text(browser, "#panels figcaption span") == "wbp − tv"
    browser.run("document.querySelector('.frame').scrollIntoView({block: 'center'})")
    box = browser.run(
        "(r => [r.x, r.y, r.width, r.height])(document.querySelector('#panels "
        ".frame').getBoundingClientRect())"
    )
    assert isinstance(box, list)
    browser.point(box[0] + 0.5 * box[2], box[1] + 0.5 * box[3])
    assert float(text(browser, "#panels output")) == pytest.approx(1, abs=0.15)


def test_no_words_lie_on_others(browser: Browser, page: Path) -> None:
    """Titles, ticks and marks of every plot, and the figures, which stand in columns of one
    width."""
    browser.open("about:blank")
    browser.open(page.as_uri())
    overlaps = browser.run("""[...document.querySelectorAll('.plot')].flatMap(plot => {
        const boxes = [...plot.querySelectorAll('svg text, h3, .keys')].map(e => [e.textContent, e.getBoundingClientRect()]);
        return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([b, q]) =>
            Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 3
        ).map(([b]) => [a, b]));
    })""")
    assert overlaps == []
    outside = browser.run("""[...document.querySelectorAll('.plot svg')].flatMap(svg => [...svg.querySelectorAll('text')].filter(t => {
        const [a, b] = [t.getBoundingClientRect(), svg.getBoundingClientRect()];
        return a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1;
    }).map(t => t.textContent))""")
    assert outside == []
    widths = browser.run(
        "[...new Set([...document.querySelectorAll('.plot')].map(p => "
        "Math.round(p.getBoundingClientRect().width)))]"
    )
    assert isinstance(widths, list)
    assert len(widths) == 1


def test_the_page_is_whole_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.requests.clear()
    browser.problems.clear()
    browser.open("about:blank")
    browser.open(page.as_uri())
    # withheld (and a reference), whitened, residual, even/odd, truth, convergence, two of the
    # alignment
    assert (
        browser.run("document.querySelectorAll('.plot svg path.line').length")
        == 3 + 2 + 2 + 2 + 2 + 2 + 2
    )
    assert browser.run("document.querySelectorAll('.plot svg path.dashed').length") == 1
    assert browser.run("document.querySelectorAll('.plot svg circle.dot').length") == 3 * 3
    assert text(browser, "p.warning") == "beware of <b>"
    assert "sirt reference0.15" in text(browser, "tr.reference").replace("\n", "").replace("–", "")
    assert text(browser, ".headline").startswith("Read the warning of wbp and tv below first")
    assert text(browser, ".headline + p").startswith(
        "tv is ahead of sirt on withheld views by 33 % and of wbp by 50 %"
    )
    assert browser.run("document.querySelectorAll('#spectra svg line').length") == 3 * 2
    assert "sartfailed: 3 subsets given" in text(browser, "table.methods").replace("\n", "")
    assert text(browser, "h1") == "ramp <needle>"
    assert browser.run("document.documentElement.scrollWidth <= innerWidth") is True
    unnamed = (
        "[...document.querySelectorAll('input, select, canvas.picture, [role=img], img')]"
        ".filter(e => !e.ariaLabel && !e.alt && !(e.labels && e.labels.length)).length"
    )
    assert browser.run(unnamed) == 0
    assert browser.problems == []
    assert all(url.startswith(("file:", "data:", "about:")) for url in browser.requests)
    assert [url for url in browser.requests if url.startswith("file:")] == [page.as_uri()]
