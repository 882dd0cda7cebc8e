"""Figures one can play with: one output that is a live control and a player without a kernel.

In JupyterLab the output is an ipywidgets control that runs Python. In the built book (also opened from
the file system) and in a saved notebook it is a row of controls over pictures drawn beforehand, with a
few lines of JavaScript and no library.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from course_lib.viz.frames import Frame, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FRAMES = 120
VIEW = "application/vnd.jupyter.widget-view+json"


class Player:
    """The output of `player` and `explore`."""

    def __init__(
        self, frames: Sequence[Frame], axes: Mapping[str, Sequence[str]], alt: str, interval: int
    ) -> None:
        self.frames, self.axes, self.alt, self.interval = list(frames), dict(axes), alt, interval

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from course_lib.viz.player_html import page

        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": page(self)}
        widget = self.live()
        if widget is not None:
            bundle[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        return bundle

    def live(self) -> Any:
        """The control for a live notebook, or None outside of one."""
        try:
            from IPython import get_ipython

            shell = get_ipython()
            if shell is None or not hasattr(shell, "kernel"):
                return None
            import_module("ipywidgets")
        except ImportError:
            return None
        from course_lib.viz.player_live import control

        return control(self)

    def frame(self, places: Sequence[int]) -> Frame:
        """The frame at one position of each slider."""
        index = 0
        for place, names in zip(places, self.axes.values(), strict=True):
            index = index * len(names) + place
        return self.frames[index]

    def __repr__(self) -> str:
        controls = ", ".join(f"{name} ({len(values)} positions)" for name, values in self.axes.items())
        return f"Figure to play with: {_sentence(self.alt)} Controls: {controls}."


def player(
    frames: "Iterable[Figure] | Callable[[Any], Figure]",
    values: Iterable[Any] | None = None,
    *,
    label: str = "step",
    alt: str | Sequence[str],
    interval: int = 700,
) -> Player:
    """A sequence of figures behind one slider with a play button.

    Args:
        frames: figures, or a function that draws one for each of `values`.
        values: what the slider says at each frame; 1, 2, 3, ... if not given with figures.
        label: what the slider moves along, for example "epoch".
        alt: what the pictures show, in one sentence; or one such sentence for each frame.
        interval: milliseconds a frame while playing.
    Raises:
        ValueError: for no frames, too many, an empty `alt`, or lengths that differ.
    """
    if callable(frames):
        if values is None:
            raise ValueError("values must be given where frames is a function, got None")
        steps = list(values)
        _check_count(len(steps))
        pictures = [draw(frames(value)) for value in steps]
    else:
        pictures = [draw(figure) for figure in frames]
        steps = list(range(1, len(pictures) + 1)) if values is None else list(values)
    if len(steps) != len(pictures):
        raise ValueError(f"values must have one entry for each of {len(pictures)} frames, got {len(steps)}")
    _check_count(len(pictures))
    names = [_name(step) for step in steps]
    alts = [alt] * len(names) if isinstance(alt, str) else list(alt)
    if len(alts) != len(names):
        raise ValueError(f"alt must be one sentence or one for each of {len(names)} frames, got {len(alts)}")
    if not all(text.strip() for text in alts):
        raise ValueError("alt must say what the pictures show, got an empty string")
    if isinstance(alt, str):
        alts = [f"{_sentence(alt)} {label} {name}." for name in names]
    made = [Frame(p, a, n) for p, a, n in zip(pictures, alts, names, strict=True)]
    return Player(made, {label: names}, alt if isinstance(alt, str) else alts[0], interval)


def explore(
    draw_one: "Callable[..., Figure]", /, *, alt: str, interval: int = 700, **choices: Iterable[Any]
) -> Player:
    """A figure with one control for each choice; every combination is drawn beforehand.

    Args:
        draw_one: called with one value of each choice by name, returns a figure.
        alt: what the figure shows, in one sentence.
        choices: the values to choose from, for example `window=[2, 5, 10]`.
        interval: milliseconds a frame while playing along the first choice.
    Raises:
        ValueError: for no choice, an empty one, more than 120 combinations, or an empty `alt`.
    """
    options = {name: list(values) for name, values in choices.items()}
    if not options:
        raise ValueError("choices must name at least one, for example window=[2, 5, 10], got none")
    for name, offered in options.items():
        if not offered:
            raise ValueError(f"{name} must offer at least one value, got none")
    if not alt.strip():
        raise ValueError("alt must say what the pictures show, got an empty string")
    combinations = list(itertools.product(*options.values()))
    _check_count(len(combinations))
    made = []
    for values in combinations:
        named = dict(zip(options, values, strict=True))
        where = ", ".join(f"{_words(name)} {_name(value)}" for name, value in named.items())
        made.append(Frame(draw(draw_one(**named)), f"{_sentence(alt)} {where}.", where))
    axes = {_words(name): [_name(value) for value in values] for name, values in options.items()}
    return Player(made, axes, alt, interval)


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_FRAMES:
        raise ValueError(f"frames must be between 1 and {MOST_FRAMES} pictures, got {count}")


def _name(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
