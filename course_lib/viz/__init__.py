"""Figures for the book and for live notebooks.

One import serves a page: `from course_lib import viz`. Nothing heavy loads before a function is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.viz.players import explore as explore
    from course_lib.viz.players import player as player
    from course_lib.viz.sources import source as source
    from course_lib.viz.style import use as use
    from course_lib.viz.text import recorded as recorded
    from course_lib.viz.text import table as table
    from course_lib.viz.text import verdict as verdict

_HOME = {
    "use": "course_lib.viz.style",
    "source": "course_lib.viz.sources",
    "player": "course_lib.viz.players",
    "explore": "course_lib.viz.players",
    "table": "course_lib.viz.text",
    "verdict": "course_lib.viz.text",
    "recorded": "course_lib.viz.text",
}

__all__ = ["explore", "player", "recorded", "source", "table", "use", "verdict"]


def __getattr__(name: str) -> Any:
    """Load the file that a name lives in when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
