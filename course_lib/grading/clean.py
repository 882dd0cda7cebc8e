"""Take what a browser would run out of a student's notebook, before it becomes a feedback page.

nbgrader's feedback template shows Markdown, HTML and SVG as they are, scripts included.
"""

import re
from collections.abc import Callable
from xml.etree import ElementTree

from nbconvert.filters import clean_html
from nbformat import NotebookNode

TAGS = {
    *("svg", "g", "path", "polyline", "polygon", "line", "rect", "circle", "ellipse"),
    *("text", "tspan", "title", "desc"),
}
_RAW_HTML = re.compile(r"<(?=[a-zA-Z/!?])")


def clean(nb: NotebookNode) -> NotebookNode:
    """Defuse the student's text cells and every output; `nb` is changed in place and returned."""
    for cell in nb.cells:
        answer = cell.metadata.get("nbgrader", {}).get("solution")
        if cell.cell_type != "code" and (answer or str(cell.get("id", "")).startswith("extra-")):
            cell.source = clean_markdown(cell.source)
            cell.pop("attachments", None)
        for output in cell.get("outputs", []):
            if "data" in output:
                data = {kind: text for kind, text in output.data.items() if kind in KINDS}
                output["data"] = NotebookNode({kind: KINDS[kind](text) for kind, text in data.items()})
                output["metadata"] = NotebookNode()
    return nb


def clean_markdown(text: str) -> str:
    """Markdown whose raw HTML is shown instead of obeyed."""
    return _RAW_HTML.sub("&lt;", text)


def clean_svg(text: str) -> str:
    """The shapes and texts of an SVG drawing; nothing of one that cannot be read."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ""
    if _local(root.tag) != "svg":
        return ""
    for element in list(root.iter()):
        for child in list(element):
            if _local(child.tag) not in TAGS:
                element.remove(child)
        for name in list(element.attrib):
            if _local(name).lower().startswith("on") or _local(name).lower() in ("href", "style"):
                del element.attrib[name]
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: object) -> str:
    """A name without its namespace; comments and the like have none."""
    return name.rsplit("}", 1)[-1] if isinstance(name, str) else ""


def _clean_base64(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9+/=]", "", text)


KINDS: dict[str, Callable[[str], str]] = {
    "text/plain": str,
    "text/html": lambda text: str(clean_html(text)),
    "text/markdown": clean_markdown,
    "text/latex": clean_markdown,
    "image/svg+xml": clean_svg,
    "image/png": _clean_base64,
    "image/jpeg": _clean_base64,
}
