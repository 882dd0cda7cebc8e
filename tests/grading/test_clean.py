"""A feedback page shows what a student wrote and drew, and neither runs nor fetches any of it."""

import base64
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.grading.clean import clean, clean_html, clean_markdown, clean_picture, clean_text
from course_lib.grading.clean_xml import DEEPEST, clean_svg, formula

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9">'
    '<path d="M0 0h9" stroke="red"/><text>a &lt; b</text></svg>'
)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and so on...").decode()


def outputs(**data):
    cell = new_code_cell(
        outputs=[new_output("display_data", data={k.replace("__", "/"): v for k, v in data.items()})]
    )
    return clean(new_notebook(cells=[cell])).cells[0].outputs[0].data


def test_a_drawing_keeps_its_shapes_texts_and_attributes():
    made = clean_svg(DRAWING)
    assert 'd="M0 0h9"' in made
    assert 'stroke="red"' in made
    assert "a &lt; b" in made
    assert made.startswith("<svg xmlns=")


def test_a_style_becomes_the_attributes_it_means_as_far_as_they_are_harmless():
    style = "fill: none; stroke: #123456; position: fixed; stroke-width: 2"
    made = clean_svg(DRAWING.replace('stroke="red"', f'style="{style}"'))
    assert 'fill="none"' in made
    assert 'stroke="#123456"' in made
    assert "position" not in made
    assert "style" not in made


@pytest.mark.parametrize(
    "evil",
    [
        DRAWING.replace("<text>", "<script>steal()</script><text>"),
        DRAWING.replace('width="9"', 'onload="steal()"'),
        DRAWING.replace('width="9"', 'OnLoad="steal()"'),
        DRAWING.replace("<text>", '<a href="javascript:steal()"><text>x</text></a><text>'),
        DRAWING.replace("<text>", '<text xlink:href="https://steal.example/">'),
        DRAWING.replace("<text>", '<image xlink:href="https://steal.example/x.png"/><text>'),
        DRAWING.replace("<text>", '<use href="https://steal.example/x.svg#a"/><text>'),
        DRAWING.replace("<text>", '<text fill="url(https://steal.example/x#a)">'),
        DRAWING.replace("<text>", '<text style="fill: url(//steal.example/x)">'),
        DRAWING.replace("<text>", '<text style="fill: u\\72l(//steal.example/x)">'),
        DRAWING.replace("<text>", '<animate attributeName="href" values="javascript:steal()"/><text>'),
        DRAWING.replace("<text>", '<set attributeName="onclick" to="steal()"/><text>'),
        DRAWING.replace("<text>", "<style>@import 'https://steal.example/'</style><text>"),
        DRAWING.replace("<text>", "<foreignObject><b>steal()</b></foreignObject><text>"),
        DRAWING.replace("<text>", "<g><g><script>steal()</script></g></g><text>"),
        DRAWING.replace("<text>", "<title><g><script>steal()</script></g></title><text>"),
        DRAWING.replace(
            "<text>", '<h:script xmlns:h="http://www.w3.org/1999/xhtml">steal()</h:script><text>'
        ),
        DRAWING.replace("<text>", '<h:text xmlns:h="http://www.w3.org/1999/xhtml">steal()</h:text><text>'),
        DRAWING.replace("<text>", "<!-- steal() --><?steal()?><text>"),
        '<?xml-stylesheet href="https://steal.example/"?>' + DRAWING,
        '<!DOCTYPE svg [<!ENTITY a "steal()">]>' + DRAWING.replace("a &lt;", "&a;"),
        '<!DOCTYPE svg SYSTEM "https://steal.example/x.dtd">' + DRAWING,
        "<html><script>steal()</script></html>",
        "<svg><script>steal()",
        "steal()",
    ],
)
def test_a_drawing_that_would_run_or_fetch_something_loses_it(evil):
    assert "steal" not in clean_svg(evil)


def test_a_drawing_too_deep_or_too_long_is_not_shown():
    for levels, shown in ((DEEPEST - 3, True), (DEEPEST + 3, False), (100_000, False)):
        assert (
            bool(clean_svg(DRAWING.replace("<text>", "<g>" * levels + "</g>" * levels + "<text>"))) is shown
        )
    assert clean_svg(DRAWING.replace("a &lt;", "a" * 500_000)) == ""


def test_formulas_become_mathml():
    made = formula(r"\frac{a}{b} = -\operatorname{GELU}(x)")
    assert re.search(r"<mfrac>.*</mfrac>", made)
    assert '<mo form="prefix">−</mo>' in made
    assert "<mi>GELU</mi>" in made
    assert 'display="block"' in formula("x", display=True)


@pytest.mark.parametrize(
    "tex", [r"\frac{", r"\nosuchthing{x}", "{" * 500 + "x" + "}" * 500, "x+" * 1500, r"\left(" * 300]
)
def test_a_formula_that_cannot_be_converted_says_so(tex):
    assert formula(tex) == ""


@pytest.mark.parametrize(
    "tex",
    [
        r"\href{javascript:steal()}{x}",
        r"\href{https://steal.example}{x}",
        r"\style{background:url(//steal.example)}{x}",
        r"\class{steal}{x}",
        r"\text{<script>steal()</script>}",
        r"\text{<img src=x onerror=steal()>}",
        r"\color{url(//steal.example)}{x}",
    ],
)
def test_a_formula_that_would_run_or_fetch_something_loses_it(tex):
    assert "steal" not in formula(tex)


@pytest.mark.parametrize(
    "evil", ["<script>x</script>", "a <img src=x onerror=y>", "</div>", "<!-- x -->", "<?x"]
)
def test_raw_html_in_markdown_is_shown_and_not_obeyed(evil):
    assert "&lt;" in clean_markdown(evil)
    assert not any(mark in clean_markdown(evil) for mark in ("<s", "<i", "</", "<!", "<?"))


def test_ordinary_markdown_stays_as_it_is():
    text = "> quoted\n\n**x < 3** and $a<3$, `y << 1`, [link](https://example.org)"
    assert clean_markdown(text) == text


def test_html_outputs_keep_tables_and_lose_scripts():
    made = outputs(
        text__html="<table><tr><td colspan=2>1</td></tr></table><script>steal()</script>"
        "<b onclick='steal()'>x</b>"
        "<a href='https://steal.example'>y</a><img src='https://steal.example'><p style='x' id='steal'>z</p>"
    )
    assert '<td colspan="2">1</td>' in made["text/html"]
    assert "<b>x</b>y<p>z</p>" in made["text/html"]
    assert "steal" not in made["text/html"]


def test_the_instructors_links_stay_if_they_lead_to_the_web():
    made = clean_html("<a href='https://example.org'>x</a><a href='javascript:steal()'>y</a>", links=True)
    assert 'href="https://example.org"' in made
    assert "steal" not in made


def test_only_png_and_jpeg_pictures_pass():
    assert clean_picture(PNG[:10] + "\n" + PNG[10:], "image/png") == PNG
    for text in (
        PNG + '"><b>',
        PNG.rstrip("=") * 5 + '"><b>',
        base64.b64encode(b"<svg>" * 9).decode(),
        "",
        "no base64!",
    ):
        assert clean_picture(text, "image/png") == ""
    assert clean_picture(PNG, "image/jpeg") == ""


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("\x1b]8;;https://steal.example\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("10 %\r20 %\r100 %\ndone", "100 %\ndone"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("a\x00b\x08c\ud800d", "abcd"),
        ("tab\tstays, 中文 and ü too", "tab\tstays, 中文 and ü too"),
    ],
)
def test_text_reads_as_a_terminal_would_show_it_in_the_end(text, seen):
    assert clean_text(text) == seen


def test_unknown_kinds_of_output_are_left_out_and_known_ones_stay():
    made = outputs(application__javascript="steal()", text__plain="fine", image__png=PNG)
    assert dict(made) == {"text/plain": "fine", "image/png": PNG}


def test_the_instructors_own_text_is_left_alone_and_the_students_is_not():
    ours, answer, extra = (
        new_markdown_cell("<b>bold</b>", id="task"),
        new_markdown_cell("<b>"),
        new_markdown_cell("<b>"),
    )
    answer.metadata["nbgrader"] = {"solution": True}
    extra["id"] = "extra-1"
    nb = clean(new_notebook(cells=[ours, answer, extra]))
    assert [cell.source for cell in nb.cells] == ["<b>bold</b>", "&lt;b>", "&lt;b>"]
