"""A feedback page shows what a student wrote and drew, and runs none of it."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.grading.clean import clean, clean_markdown, clean_svg

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9">'
    '<path d="M0 0h9" stroke="red"/><text>a &lt; b</text></svg>'
)


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


@pytest.mark.parametrize(
    "evil",
    [
        DRAWING.replace("<text>", "<script>steal()</script><text>"),
        DRAWING.replace('width="9"', 'onload="steal()"'),
        DRAWING.replace('width="9"', 'OnLoad="steal()"'),
        DRAWING.replace("<text>", '<a href="javascript:steal()"><text>x</text></a><text>'),
        DRAWING.replace("<text>", "<foreignObject><b>steal()</b></foreignObject><text>"),
        DRAWING.replace("<text>", "<g><g><script>steal()</script></g></g><text>"),
        DRAWING.replace("<text>", "<!-- steal() --><?steal()?><text>"),
        "<html><script>steal()</script></html>",
        "<svg><script>steal()",
        "steal()",
    ],
)
def test_a_drawing_that_would_run_something_loses_it(evil):
    assert "steal" not in clean_svg(evil)


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
        text__html="<table><tr><td>1</td></tr></table><script>steal()</script><b onclick='steal()'>x</b>"
    )
    assert "<td>1</td>" in made["text/html"]
    assert "<script" not in made["text/html"]
    assert "onclick" not in made["text/html"]


def test_unknown_kinds_of_output_are_left_out_and_known_ones_stay():
    made = outputs(application__javascript="steal()", text__plain="fine", image__png="iVBOR\"'>0")
    assert dict(made) == {"text/plain": "fine", "image/png": "iVBOR0"}


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
