"""Every page of the built book, opened from the file system in headless Chromium.

Needs `_build/html`. Skipped where Chromium is not installed; where the book is not built yet it is skipped on
a user's machine and fails in continuous integration, which builds the book first.
"""

import http.client
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
CHROMIUM = next(
    (p for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (p := shutil.which(name))),
    None,
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHUNKS = 9
SHOWS_ANOTHER = """([number, alt]) => {
  const pictures = document.querySelectorAll('.course-player')[number].querySelectorAll('img');
  return [...pictures].find(picture => picture.style.display !== 'none').alt !== alt;
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(
        not HTML.is_dir() and not os.environ.get("CI"), reason="the book is not built yet: run `make book`"
    ),
]


def pages() -> list[Path]:
    """Every HTML file of the book that a reader may open."""
    found = [p for p in HTML.rglob("*.html") if "_static" not in p.relative_to(HTML).parts]
    assert found, "the book is not built: run `make book` first"
    return sorted(found)


def chapters() -> list[Path]:
    """The pages that were written, without the generated ones."""
    return [p for p in pages() if p.relative_to(HTML).parts[0] == "chapters"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Visit:
    """A tab that notes what it asks for and what it complains about."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.tab = self.context.new_page()
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.tab.on("request", self._request)
        self.tab.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))

    def _request(self, request: Any) -> None:
        if not re.match(r"(file:|data:|blob:|about:|http://127\.0\.0\.1[:/])", request.url):
            self.outside.append(request.url)

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_page_asks_the_network_or_complains(browser: Any, chunk: int) -> None:
    with Visit(browser) as visit:
        for path in pages()[chunk::CHUNKS]:
            visit.tab.goto(path.as_uri(), wait_until="load")
            if path == HTML / "index.html":  # leads on to the cover
                visit.tab.wait_for_url("**/chapters/index.html")
            assert visit.outside == [], path.relative_to(HTML)
            assert visit.errors == [], path.relative_to(HTML)
            if visit.tab.locator(".math").count():
                visit.tab.wait_for_function("window.MathJax && MathJax.startup && MathJax.startup.promise")
                visit.tab.evaluate("MathJax.startup.promise")
                broken = visit.tab.locator("mjx-merror").all_text_contents()
                assert broken == [], f"{path.relative_to(HTML)}: formulas that do not parse"
                assert visit.tab.locator("mjx-container").count(), path.relative_to(HTML)
        assert visit.outside == []


def with_players() -> list[Path]:
    """The pages that have a figure to play with."""
    return [p for p in chapters() if "course-player" in p.read_text(encoding="utf-8")]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_players_work_from_the_file_system_by_keyboard_and_by_button(browser: Any, chunk: int) -> None:
    assert with_players(), "no page has a player"
    with Visit(browser) as visit:
        for path in with_players()[chunk::CHUNKS]:
            visit.tab.goto(path.as_uri())
            for number in range(visit.tab.locator(".course-player").count()):
                box = visit.tab.locator(".course-player").nth(number)
                assert box.locator("img:visible").count() == 1, path.name
                if not box.locator("button").count():
                    continue
                first = box.locator("img:visible").get_attribute("alt")
                slider = box.locator("input[type=range]").first
                slider.focus()
                visit.tab.keyboard.press("ArrowRight")
                second = box.locator("img:visible").get_attribute("alt")
                assert second != first, path.name
                assert slider.get_attribute("aria-valuetext") == box.locator("output").first.text_content()
                visit.tab.keyboard.press("ArrowLeft")
                assert box.locator("img:visible").get_attribute("alt") == first
                box.locator("button").focus()
                visit.tab.keyboard.press("Enter")
                visit.tab.wait_for_function(SHOWS_ANOTHER, arg=[number, first], timeout=5000)
        assert visit.errors == []


def test_a_built_system_is_a_solid_tile_that_leads_to_its_section(browser: Any) -> None:
    rows = yaml.safe_load((ROOT / "course_lib" / "systems.yml").read_text(encoding="utf-8"))
    built = [row for row in rows if row["status"] == "built"]
    with Visit(browser) as visit:
        visit.tab.goto((HTML / "chapters" / "index.html").as_uri())
        tiles = visit.tab.locator("li .tile-built")
        assert tiles.count() == len(built)
        for number in range(tiles.count()):
            tile = tiles.nth(number)
            assert tile.evaluate("tile => getComputedStyle(tile).borderTopStyle") == "solid"
            assert tile.locator("a[href*='#']").count() == 1


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_phone_shows_no_page_wider_than_its_screen(browser: Any, chunk: int) -> None:
    with Visit(browser, viewport={"width": 390, "height": 844}) as visit:
        for path in chapters()[chunk::CHUNKS]:
            visit.tab.goto(path.as_uri(), wait_until="domcontentloaded")
            width = visit.tab.evaluate("document.documentElement.scrollWidth")
            assert width <= 391, f"{path.relative_to(HTML)} is {width} pixels wide"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_is_legible_in_both_modes(browser: Any, mode: str) -> None:
    luminance = """c => {
      const p = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
        .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
      return .2126 * p[0] + .7152 * p[1] + .0722 * p[2]; }"""
    with Visit(browser, color_scheme=mode) as visit:
        visit.tab.goto(chapters()[0].as_uri())
        assert visit.tab.evaluate("document.documentElement.dataset.theme") == mode
        for what in ("p", "h1", ".bd-article a"):
            colour = visit.tab.locator(f".bd-article {what}" if what[0] != "." else what).first.evaluate(
                "e => getComputedStyle(e).color"
            )
            ground = visit.tab.evaluate("getComputedStyle(document.body).backgroundColor")
            one, two = (visit.tab.evaluate(f"({luminance})('{c}')") for c in (colour, ground))
            contrast = (max(one, two) + 0.05) / (min(one, two) + 0.05)
            assert contrast >= 4.5, (mode, what, colour, ground)


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "tools"))
    from serve_book import open_server

    server = open_server(HTML, 8400)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_search_finds_a_page_from_the_file_system(browser: Any) -> None:
    with Visit(browser) as visit:
        visit.tab.goto((HTML / "search.html").as_uri() + "?q=verdict")
        visit.tab.wait_for_selector("#search-results li a", timeout=8000)
        assert visit.outside == []


def test_the_search_finds_a_page_offline(browser: Any, served: str) -> None:
    with Visit(browser) as visit:
        visit.tab.goto(f"{served}/search.html?q=verdict")
        visit.tab.wait_for_selector("#search-results li a", timeout=8000)
        links = visit.tab.locator("#search-results li a").evaluate_all("all => all.map(a => a.href)")
        assert any("how-to-read" in link for link in links), links
        assert visit.outside == []
        assert visit.errors == []


def test_the_server_takes_the_next_port_where_the_wanted_one_is_busy(served: str) -> None:
    from serve_book import open_server

    busy = int(served.rpartition(":")[2])
    other = open_server(HTML, busy)
    assert other.server_address[1] > busy
    assert other.server_address[0] == "127.0.0.1"
    other.server_close()
    with pytest.raises(OSError, match="all busy"):
        open_server(HTML, busy, tries=1)
    host, port = served.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", "/index.html")
    assert connection.getresponse().status == 200
    connection.close()
