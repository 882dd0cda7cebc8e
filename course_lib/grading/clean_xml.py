"""Drawings (SVG) and formulas (MathML) with the listed elements and attributes, and nothing else.

Whatever names an address goes (`href`, `xlink:href`, `url(...)`), and so do style sheets, scripts, animation
and foreign content. What is broken, too long, too deep or defines entities is not shown at all.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

Element = ElementTree.Element

SVG, MATHML = "http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"
SHAPES = {
    *("svg", "g", "path", "polyline", "polygon", "line", "rect", "circle", "ellipse"),
    *("text", "tspan", "title", "desc"),
}
PAINT = {
    *("fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset"),
    *("stroke-linecap", "stroke-linejoin", "stroke-opacity", "stroke-miterlimit", "opacity", "color"),
    *("font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline"),
}
PLACE = {
    *("width", "height", "viewbox", "preserveaspectratio", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r"),
    *("rx", "ry", "dx", "dy", "d", "points", "transform", "rotate", "textlength", "role", "aria-label"),
}
FORMULA = {
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "none"),
    *("mtable", "mtr", "mtd", "mpadded", "mphantom", "menclose", "merror"),
}
FORMULA_ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "stretchy", "fence", "form", "separator", "minsize"),
    *("maxsize", "lspace", "rspace", "width", "height", "depth", "accent", "accentunder", "movablelimits"),
    *("mathvariant", "linethickness", "columnalign", "rowspacing", "columnspacing", "largeop", "notation"),
}
MOST_XML, DEEPEST, MOST_TEX = 400_000, 40, 2_000
SIGNS, BEFORE_A_SIGN = {"-", "+", "\u2212", "±"}, set("([{|=<>≤≥≈∈,:;·×→") | {"\u2212", "+"}
_FETCHES = re.compile(r"url\s*\(|https?:|javascript:|data:|//|\\|expression", re.IGNORECASE)


def clean_svg(text: str) -> str:
    """The shapes and texts of an SVG drawing; nothing of one that cannot be read."""
    root = _parse(text)
    if root is None or _local(root.tag) != "svg":
        return ""
    for element in root.iter():
        for declaration in element.attrib.pop("style", "").split(";"):
            name, _, value = declaration.partition(":")
            if name.strip().lower() in PAINT:
                element.set(name.strip().lower(), value.strip())
    return _keep(root, SVG, SHAPES, PAINT | PLACE)


def formula(tex: str, *, display: bool = False) -> str:
    """A TeX formula as MathML, or "" if it is too long or cannot be converted."""
    from latex2mathml.converter import convert

    if len(tex) > MOST_TEX:
        return ""
    try:
        root = _parse(convert(tex, display="block" if display else "inline"))
    except Exception:  # the converter raises whatever it stumbles over
        return ""
    if root is None or any(text.lstrip().startswith("\\") for text in root.itertext()):
        return ""  # a command that it does not know is left as \command
    _tidy(root)
    return _keep(root, MATHML, FORMULA, FORMULA_ATTRIBUTES)


def _tidy(root: Element) -> None:
    """Spaces as in print: a named function is no operator, a sign after a bracket belongs to its number."""
    for row in root.iter():
        before = "("
        for element in row:
            text, operator = element.text or "", _local(element.tag) == "mo"
            if operator and text.isalpha() and len(text) > 1:
                element.tag = element.tag.removesuffix("mo") + "mi"
            elif operator and text in SIGNS and before in BEFORE_A_SIGN:
                element.set("form", "prefix")
            before = text if operator else "x"


def _parse(text: str) -> Element | None:
    """The root of an XML text; None if it is too long, too deep, defines entities or is broken."""
    if len(text) > MOST_XML or "<!ENTITY" in text:
        return None
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None
    return root if max(_depths(root)) <= DEEPEST else None


def _depths(root: Element) -> Iterator[int]:
    level, depth = [root], 0
    while level:
        yield (depth := depth + 1)
        level = [child for element in level for child in element]


def _keep(root: Element, namespace: str, tags: set[str], attributes: set[str]) -> str:
    """An XML tree as text, reduced to the listed elements and attributes of one namespace."""
    for element in root.iter():
        element.tag = f"{{{namespace}}}{_local(element.tag)}"
        for child in list(element):
            if _local(child.tag) not in tags or _space(child.tag) not in ("", namespace):
                _remove(element, child)
        for name, value in list(element.attrib.items()):
            if name.lower() not in attributes or _FETCHES.search(value):
                del element.attrib[name]
    ElementTree.register_namespace("", namespace)
    return ElementTree.tostring(root, encoding="unicode")


def _remove(parent: Element, child: Element) -> None:
    child.tail = None
    parent.remove(child)


def _local(name: object) -> str:
    """A name without its namespace; comments and the like have none."""
    return name.rsplit("}", 1)[-1] if isinstance(name, str) else ""


def _space(name: object) -> str:
    return name[1:].split("}")[0] if isinstance(name, str) and name.startswith("{") else ""
