"""One output is a live control and a player without a kernel; both have words for each picture."""

import sys
from html.parser import HTMLParser
from typing import Any

import matplotlib
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from course_lib import viz
from course_lib.viz import player_live
from course_lib.viz.players import MOST_FRAMES, VIEW


def figure(height: float = 1.0) -> Figure:
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, 1], [0, height])
    return fig


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


def html(player: Any) -> str:
    return player._repr_mimebundle_()["text/html"]


def test_player_holds_one_picture_a_frame_with_its_own_alt_text() -> None:
    made = viz.player([figure(1), figure(2)], label="epoch", alt="A line")
    pictures = Tags(html(made)).all("img")
    assert [p["alt"] for p in pictures] == ["A line. epoch 1.", "A line. epoch 2."]
    assert all((p["src"] or "").startswith("data:image/svg+xml;base64,") for p in pictures)
    assert pictures[0]["src"] != pictures[1]["src"]


def test_player_shows_its_first_picture_also_without_scripts() -> None:
    styles = [p["style"] or "" for p in Tags(html(viz.player([figure(), figure()], alt="A line"))).all("img")]
    assert "display:block" in styles[0]
    assert "display:none" in styles[1]


def test_player_is_operable_by_keyboard_and_labelled() -> None:
    tags = Tags(html(viz.player(figure, [1, 2, 3], label="height", alt="A line")))
    (slider,) = tags.all("input")
    assert (slider["type"], slider["min"], slider["max"]) == ("range", "0", "2")
    assert tags.all("label")
    (button,) = tags.all("button")
    assert (button["type"], button["aria-label"]) == ("button", "Play")
    assert tags.found[0][1]["aria-label"] == "A line"


def test_player_fetches_nothing_and_has_no_ids() -> None:
    text = html(viz.player([figure()], alt="A line"))
    assert "http" not in text
    assert " id=" not in text


def test_the_same_player_gives_the_same_bytes() -> None:
    one = html(viz.player(figure, [1, 2], alt="A line"))
    two = html(viz.player(figure, [1, 2], alt="A line"))
    assert one == two


def test_player_closes_its_figures() -> None:
    plt.close("all")
    viz.player([figure(), figure()], alt="A line")
    viz.player(figure, [1, 2], alt="A line")
    assert plt.get_fignums() == []


def test_text_from_a_page_cannot_break_the_html() -> None:
    text = html(viz.player([figure()], label='<b>"x"', alt='a "quoted" <alt>'))
    assert "<b>" not in text
    assert Tags(text).all("img")[0]["alt"] == 'a "quoted" <alt>. <b>"x" 1.'


def test_a_figure_of_many_points_becomes_a_png_of_the_same_width() -> None:
    def cloud(count: int) -> Figure:
        fig, ax = plt.subplots(figsize=(2, 1))
        ax.scatter(range(count), range(count))
        return fig

    few, many = viz.player(cloud, [3, 3000], alt="Points").frames
    assert (few.picture.kind, many.picture.kind) == ("svg+xml", "png")
    assert few.picture.width == many.picture.width == 192
    assert len(many.picture.data) < 150_000


def test_explore_draws_every_combination_in_the_order_of_its_sliders() -> None:
    seen = []

    def draw(window: int, kind: str) -> Figure:
        seen.append((window, kind))
        return figure(window)

    made = viz.explore(draw, alt="A line", window=[1, 2, 3], kind=["a", "b"])
    assert seen == [(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "a"), (3, "b")]
    assert made.frame([2, 0]).alt == "A line. window 3, kind a."
    assert len(Tags(html(made)).all("input")) == 2


def test_outside_a_notebook_there_is_no_live_view() -> None:
    assert VIEW not in viz.player([figure()], alt="A line")._repr_mimebundle_()


def test_in_a_notebook_one_output_carries_the_live_view_and_the_player(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import IPython

    class Shell:
        kernel = object()

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    bundle = viz.player([figure(1), figure(2)], alt="A line")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", VIEW}
    assert len(bundle[VIEW]["model_id"]) == 32


def test_the_live_control_shows_the_frame_of_its_sliders() -> None:
    made = viz.explore(lambda a, b: figure(a + b), alt="A line", a=[1, 2], b=[10, 20])
    box = player_live.control(made)
    row, picture = box.children
    play, first, second = row.children
    assert made.frame([0, 0]).uri in picture.value
    second.value = 1
    assert made.frame([0, 1]).uri in picture.value
    play.value = 1
    assert first.value == 1
    assert made.frame([1, 1]).uri in picture.value
    assert "a 2, b 20" in picture.value


def test_a_player_works_without_ipywidgets(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython

    class Shell:
        kernel = object()

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert set(viz.player([figure()], alt="A line")._repr_mimebundle_()) == {"text/plain", "text/html"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"frames": [], "alt": "x"}, "between 1 and"),
        ({"frames": [1], "alt": "x"}, "must be a matplotlib Figure, got a int"),
        ({"frames": figure, "alt": "x"}, "values must be given"),
        ({"frames": figure, "values": range(MOST_FRAMES + 1), "alt": "x"}, f"got {MOST_FRAMES + 1}"),
        ({"frames": figure, "values": [1], "alt": " "}, "alt must say"),
        ({"frames": figure, "values": [1, 2], "alt": ["one"]}, "one for each of 2 frames, got 1"),
    ],
)
def test_player_says_what_is_wrong(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        viz.player(**arguments)


@pytest.mark.parametrize(
    ("choices", "says"),
    [({}, "at least one"), ({"a": []}, "a must offer"), ({"a": range(20), "b": range(20)}, "got 400")],
)
def test_explore_says_what_is_wrong(choices: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        viz.explore(lambda **_: figure(), alt="A line", **choices)


def test_values_must_match_the_figures() -> None:
    with pytest.raises(ValueError, match="one entry for each of 1 frames, got 2"):
        viz.player([figure()], [1, 2], alt="A line")
