"""Show the library's real code in a page."""

import inspect
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]


class Source:
    """The code of a piece of `course_lib`, with a link to its file.

    In the book the link leads to a page with the whole file, or to the repository where its address is
    set; in JupyterLab it opens the file.
    """

    def __init__(self, obj: Any) -> None:
        wanted = inspect.unwrap(obj.fget if isinstance(obj, property) and obj.fget else obj)
        try:
            lines, first = inspect.getsourcelines(wanted)
            file = Path(inspect.getsourcefile(wanted) or "").resolve()
        except (TypeError, OSError) as error:
            kind = type(obj).__name__
            raise ValueError(
                f"obj must be a class, function, method or module of course_lib, got a {kind}"
            ) from error
        if not file.is_relative_to(PACKAGE):
            raise ValueError(f"obj must be defined in course_lib, got {obj!r} from {file.name}")
        self.code = (
            inspect.cleandoc("\n" + "".join(lines)) if lines[0][:1].isspace() else "".join(lines).rstrip()
        )
        self.file = file
        self.first = max(first, 1)
        self.last = self.first + len(lines) - 1
        self.whole = isinstance(obj, ModuleType)

    @property
    def place(self) -> str:
        """For example "course_lib/embeddings/word2vec.py, lines 12 to 30"."""
        name = self.file.relative_to(PACKAGE.parent).as_posix()
        return name if self.whole else f"{name}, lines {self.first} to {self.last}"

    def link(self) -> str:
        """The file as seen from the page's folder, with the line."""
        path = os.path.relpath(self.file, Path.cwd()).replace(os.sep, "/")
        return path if self.whole else f"{path}#L{self.first}"

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, str]:
        link = f'<p class="course-source"><a href="{escape(self.link())}">{escape(self.place)}</a></p>'
        return {
            "text/plain": f"# {self.place}\n{self.code}",
            "text/markdown": f"{link}\n\n```python\n{self.code}\n```\n",
        }

    def __repr__(self) -> str:
        return f"# {self.place}\n{self.code}"


def source(obj: Any) -> Source:
    """The real source of a class, function, method or module of `course_lib`, comments included.

    Args:
        obj: the thing itself, for example `word2vec.pair_loss`.
    Raises:
        ValueError: for anything that is not defined in `course_lib`.
    """
    return Source(obj)
