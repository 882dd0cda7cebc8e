"""Pages that show the code: one for each file of the library, and links that lead to them.

Pages link to files of the repository by path, which opens the file in JupyterLab. In the book such a link
leads to the file's own page, or to the repository where `repository: url` of `_config.yml` gives its
address.
"""

import os
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx

from .pages import ROOT
from .register import systems

LINK = re.compile(r'href="(?:\.\./)+((?:course_lib|experiments|benchmarks|tests)/[\w./-]+\.py)(#L\d+)?"')


def address(app: Sphinx) -> str:
    """Where files of the repository can be seen, or an empty string."""
    options = app.config.html_theme_options
    url = (options.get("repository_url") or "").rstrip("/")
    return f"{url}/blob/{options.get('repository_branch') or 'main'}" if url else ""


def shown_files(root: Path = ROOT) -> list[Path]:
    """The files that get a page: library, experiments, and the tests that systems name."""
    tests = {root / row["test"] for row in systems(root) if row.get("test")}
    found = {
        *root.glob("course_lib/**/*.py"),
        *root.glob("experiments/*.py"),
        *root.glob("benchmarks/*.py"),
        *tests,
    }
    return sorted(p for p in found if p.is_file() and "__pycache__" not in p.parts)


def relink(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Lead links to code where this book shows code."""
    if "body" not in context:
        return
    base = address(app)
    up = os.path.relpath(".", os.path.dirname(page) or ".").replace(os.sep, "/")

    def replaced(match: re.Match[str]) -> str:
        path, line = match.group(1), match.group(2) or ""
        if base:
            return f'href="{escape(base)}/{path}{line}"'
        return f'href="{up}/source/{path.removesuffix(".py")}.html{line}"'

    context["body"] = LINK.sub(replaced, context["body"])


def numbered(code: str) -> str:
    """Highlighted code in which each line has an anchor #L and its number."""
    lines = highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).splitlines()
    rows = (
        f'<span class="source-line" id="L{n}">'
        f'<a class="source-number" href="#L{n}" aria-label="line {n}">{n}</a>{line}\n</span>'
        for n, line in enumerate(lines, 1)
    )
    return f'<div class="highlight source-file"><pre tabindex="0">{"".join(rows)}</pre></div>'


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """One page for each shown file, unless links lead to the repository."""
    if app.builder.name != "html" or address(app):
        return
    for path in shown_files():
        name = path.relative_to(ROOT).as_posix()
        code = numbered(path.read_text(encoding="utf-8"))
        body = f'<section class="source-page"><h1>{escape(name)}</h1>{code}</section>'
        yield (f"source/{name.removesuffix('.py')}", {"title": name, "body": body}, "page.html")


def setup(app: Sphinx) -> None:
    """Install links and pages."""
    app.connect("html-page-context", relink)
    app.connect("html-collect-pages", source_pages)
