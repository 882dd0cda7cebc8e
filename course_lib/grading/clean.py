"""Take what a browser would run, fetch or choke on out of a student's notebook, before a person opens it.

HTML is cleaned by nh3 (Ammonia, a parser with an allow-list; bleach, which nbconvert uses, is no longer
maintained and about 25 times slower); drawings and formulas by `clean_xml`. Pictures are PNG or JPEG
bytes and nothing else.
"""

import base64
import binascii
import re
from collections.abc import Callable

import nh3
from nbformat import NotebookNode

from course_lib.grading.clean_xml import clean_svg

TAGS = {
    *(
        "p",
        "br",
        "hr",
        "div",
        "span",
        "pre",
        "code",
        "kbd",
        "samp",
        "b",
        "strong",
        "i",
        "em",
        "u",
        "s",
        "del",
    ),
    *(
        "sub",
        "sup",
        "small",
        "mark",
        "blockquote",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
    ),
    *("h5", "h6", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary"),
}
DROPPED = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "textarea"}
LINKS = {"http", "https", "mailto"}
MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}

_RAW_HTML = re.compile(r"<(?=[a-zA-Z/!?])")
_ESCAPED_HTML = re.compile(r"&lt;(?=[a-zA-Z/!?])")
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\^_]?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(nb: NotebookNode) -> NotebookNode:
    """Defuse the student's text cells and every output; `nb` is changed in place and returned."""
    for cell in nb.cells:
        answer = cell.metadata.get("nbgrader", {}).get("solution")
        if cell.cell_type != "code" and (answer or str(cell.get("id", "")).startswith("extra-")):
            cell.source = clean_markdown(cell.source)
            cell.pop("attachments", None)
        for output in cell.get("outputs", []):
            if "data" in output:
                data = {kind: KINDS[kind](text) for kind, text in output.data.items() if kind in KINDS}
                output["data"] = NotebookNode({kind: text for kind, text in data.items() if text})
                output["metadata"] = NotebookNode()
    return nb


def clean_text(text: str) -> str:
    """Text as a terminal would show it in the end: no colour codes, no control characters."""
    plain = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" in plain:  # a progress bar writes its line again and again
        plain = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
    return _CONTROL.sub("", plain)


def clean_markdown(text: str) -> str:
    """Markdown whose raw HTML is shown instead of obeyed."""
    return _RAW_HTML.sub("&lt;", text)


def as_written(text: str) -> str:
    """What `clean_markdown` was given; only for a renderer that escapes HTML itself."""
    return _ESCAPED_HTML.sub("<", text)


def clean_html(text: str, *, links: bool = False) -> str:
    """The words, tables and emphasis of a piece of HTML: no styles, ids, pictures or scripts.

    Args:
        text: any HTML, well-formed or not.
        links: keep links to web pages and mail addresses (the instructor's), as links only.
    """
    attributes = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}, "ol": {"start"}}
    return nh3.clean(
        text,
        tags=TAGS | {"a"} if links else TAGS,
        clean_content_tags=DROPPED,
        attributes=attributes | {"a": {"href"}},
        url_schemes=LINKS,
        link_rel="noopener noreferrer",
    )


def clean_picture(text: str, kind: str) -> str:
    """The base64 text of a PNG or JPEG picture; "" if it holds anything else."""
    code = re.sub(r"\s", "", text)
    try:
        start = base64.b64decode(code[:64], validate=True)
    except (binascii.Error, ValueError):
        return ""
    whole = re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", code)
    return code if whole and start.startswith(MAGIC[kind]) else ""


KINDS: dict[str, Callable[[str], str]] = {
    "text/plain": clean_text,
    "text/html": clean_html,
    "text/markdown": clean_markdown,
    "text/latex": clean_markdown,
    "image/svg+xml": clean_svg,
    "image/png": lambda text: clean_picture(text, "image/png"),
    "image/jpeg": lambda text: clean_picture(text, "image/jpeg"),
}
