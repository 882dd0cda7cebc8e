"""Running English out of documentation: docstrings found with `ast`, markup and code dropped.

Nothing is imported or run: a file is parsed and its docstrings are taken from the tree. What remains are
paragraphs in which nearly every token is a word and which end like a sentence.
"""

import ast
import inspect
import re
import warnings
from collections.abc import Iterator

_ROLE = re.compile(r":[\w:.+-]+:`[~!]?([^`<]*?)(?:\s*<[^>`]*>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^>`]*>`__?")
_MATH = re.compile(r":math:`[^`]*`|\$[^$]+\$")
_QUOTED = re.compile(r"(`{1,2}|\*{1,2})(?=\S)(.+?)(?<=\S)\1")
_DROPPED = re.compile(r"\[[\w#*-]+\]_|https?://\S+|\|[\w ]+\||\\ ")
_BULLET = re.compile(r"^(?:[-*+•]|\d{1,2}[.)]|\[\d+\])\s+")
_RULE = re.compile(r"^[=\-~^\"'*+#_.`:| ]{3,}$")
_FIELD = re.compile(r"^(?:[:@]\w[^:]*:|\*{0,2}[\w.,* \[\]'\"/-]{1,60}\s+:(?:\s|$)|\.\. )")
_CODE = re.compile(r"^(?:>>>|\.\.\. |In \[|\$ |% |@\w+$|import |from \w+ import |\+[-=+]+\+|\|)")
_END = re.compile(r"[.!?](?:[)\"'”’`*]|\s?\[\w+\]_)*$")
_WORD = re.compile(r"^[(\"'“‘]*[A-Za-z]+(?:[-'’/][A-Za-z]+)*[)\"'”’.,;:!?…]*$")


def docstrings(source: str | bytes) -> list[str]:
    """The triple-quoted docstrings of a module, its classes and their functions, in the order of the file.

    Args:
        source: Python source; bytes follow the file's own encoding line.
    Returns:
        An empty list where the source cannot be parsed.
    """
    data = source.encode("utf-8", errors="replace") if isinstance(source, str) else source
    if b'"""' not in data and b"'''" not in data:  # saves parsing a third of the files
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escapes
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return list(_walk(tree))


def _walk(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        text = first.value.value
        if isinstance(text, str):
            yield inspect.cleandoc(text)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child)


def topics(source: str | bytes) -> dict[str, str]:
    """The dict of texts that `pydoc_data/topics.py` assigns, read without running it.

    Raises:
        ValueError: if the source assigns no such dict.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            return {str(k): str(v) for k, v in ast.literal_eval(node.value).items()}
    raise ValueError("source must assign a dict of topics, got none")


def paragraphs(text: str) -> list[str]:
    """The paragraphs of running prose, each on one line, without markup."""
    likely = (block for block in _blocks(text) if _END.search(block))
    return [cleaned for block in likely if is_prose(cleaned := unmark(block))]


def _blocks(text: str) -> Iterator[str]:
    """Join lines to blocks: a blank line, another indent, a bullet, a field or a rule ends one."""
    block: list[str] = []
    indent = 0
    code = False
    for raw in [*text.expandtabs().splitlines(), ""]:
        line = raw.strip()
        depth = len(raw) - len(raw.lstrip())
        starts_code = bool(_CODE.match(line))
        bullet = bool(_BULLET.match(line))
        breaks = not line or starts_code or bullet or bool(_RULE.match(line) or _FIELD.match(line))
        if block and (breaks or depth != indent):
            hanging = depth > indent and not breaks and len(block) == 1  # a bullet's second line
            if not hanging:
                yield " ".join(block)
                block = []
        if _RULE.match(line):
            block = []
        code = starts_code or (code and bool(line))  # what follows a prompt is its output
        if not line or code or _RULE.match(line) or _FIELD.match(line):
            continue
        block.append(_BULLET.sub("", line))
        indent = depth


def unmark(text: str) -> str:
    """Drop reStructuredText marks but keep the words they enclose; formulas and addresses go."""
    text = _MATH.sub("", text)
    text = _ROLE.sub(lambda m: m[1].rsplit(".", 1)[-1], text)
    text = _LINK.sub(r"\1", text)
    text = _QUOTED.sub(r"\2", text)
    text = _DROPPED.sub("", text).replace("`", "").replace("\x00", "")
    return re.sub(r"\s+([.,;:!?)])", r"\1", " ".join(text.split()))


def is_prose(text: str, *, least_words: int = 5, least_share: float = 0.8) -> bool:
    """Does it end like a sentence, and are nearly all of its tokens words?"""
    tokens = text.split()
    if len(tokens) < least_words or not _END.search(text):
        return False
    return sum(bool(_WORD.match(token)) for token in tokens) >= least_share * len(tokens)
