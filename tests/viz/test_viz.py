"""The package is light, and its style, sources, tables and verdict boxes say what they should."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from course_lib import viz
from course_lib.training import comparison
from course_lib.viz import style

ROOT = Path(__file__).resolve().parents[2]


def luminance(colour: str) -> float:
    """Relative luminance by the Web Content Accessibility Guidelines."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, two: str) -> float:
    a, b = sorted((luminance(one), luminance(two)), reverse=True)
    return (a + 0.05) / (b + 0.05)


def test_importing_viz_loads_neither_matplotlib_nor_ipywidgets() -> None:
    heavy = "{'matplotlib', 'ipywidgets', 'IPython'}"
    code = f"import sys, course_lib.viz; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_loaded_and_an_unknown_one_is_an_attribute_error() -> None:
    for name in viz.__all__:
        assert callable(getattr(viz, name))
    assert dir(viz) == sorted(viz.__all__)
    with pytest.raises(AttributeError, match="no attribute 'plot'"):
        viz.plot  # noqa: B018


@pytest.mark.parametrize("ground", ["#ffffff", "#fffefb", "#14181e", "#111111"])
def test_text_of_figures_is_legible_on_light_and_dark(ground: str) -> None:
    assert contrast(style.INK, ground) >= 3.9


@pytest.mark.parametrize("ground", ["#fffefb", "#14181e"])
def test_lines_of_figures_are_visible_on_light_and_dark(ground: str) -> None:
    for colour in style.COLOURS:
        assert contrast(colour, ground) >= 2.5, colour


def test_lines_differ_without_colour() -> None:
    assert len(set(map(str, style.DASHES))) == len(style.COLOURS)
    assert len(set(style.MARKERS)) == len(style.COLOURS)


def test_the_style_can_be_used_and_draws_on_a_transparent_ground() -> None:
    import matplotlib

    with matplotlib.rc_context():
        viz.use()
        assert matplotlib.rcParams["savefig.transparent"]
        assert matplotlib.rcParams["figure.facecolor"] == "none"


def test_source_shows_the_code_with_its_equation_comment_and_a_link_to_its_line() -> None:
    shown = viz.source(comparison._t_interval)
    assert "# s² = Σ(x−x̄)²/(n−1)" in shown.code
    text = comparison.__file__ and Path(comparison.__file__).read_text(encoding="utf-8").splitlines()
    assert text[shown.first - 1].startswith("def _t_interval")
    assert text[shown.last - 1].strip().startswith("return mean")
    markdown = shown._repr_mimebundle_()["text/markdown"]
    assert f"course_lib/training/comparison.py#L{shown.first}" in markdown
    assert "```python\ndef _t_interval" in markdown


def test_source_of_a_method_is_dedented_and_a_module_is_shown_whole() -> None:
    assert viz.source(comparison.Comparison.__str__).code.startswith("def __str__")
    assert viz.source(comparison.Comparison.below_smallest).code.startswith("@property\ndef below_smallest")
    whole = viz.source(comparison)
    assert whole.place == "course_lib/training/comparison.py"
    assert whole.code.startswith('"""Two conditions')


@pytest.mark.parametrize("thing", [len, Path, 3, "text"])
def test_source_refuses_what_is_not_of_the_library(thing: object) -> None:
    with pytest.raises(ValueError, match="obj must be"):
        viz.source(thing)


def test_table_aligns_numbers_and_escapes_text() -> None:
    made = viz.table([("a<b", 0.123456, 12345), ("c", None, 3)], ["name", "score", "count"], "A caption")
    html = made._repr_html_()
    assert "a&lt;b" in html
    assert "<caption>A caption</caption>" in html
    assert '<td style="text-align:right">0.1235</td>' in html
    assert '<td style="text-align:right">12,345</td>' in html
    assert repr(made).splitlines()[1].split() == ["name", "score", "count"]


def test_table_refuses_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="2 cells like the header, got 1"):
        viz.table([("a",)], ["x", "y"])


@pytest.mark.parametrize(
    ("treatment", "word"),
    [([3.0, 3.1, 3.2], "reproduced"), ([0.1, 0.2, 0.15], "contradicted"), ([1.0, 2.0, 0.1], "not resolved")],
)
def test_verdict_prints_the_one_verdict_and_its_interval(treatment: list[float], word: str) -> None:
    outcome = comparison.compare(treatment, [1.0, 1.1, 1.2], 0.1)
    html = viz.verdict(outcome, "A < B")._repr_html_()
    assert f"Verdict: {word}" in html
    assert "A &lt; B" in html
    assert "95 % interval" in html
    assert sum(html.count(f"Verdict: {name}") for name in ("reproduced", "contradicted", "not resolved")) == 1


def test_verdict_refuses_an_unknown_one() -> None:
    @dataclass
    class Odd:
        verdict: str = "maybe"

    with pytest.raises(ValueError, match="got 'maybe'"):
        viz.verdict(Odd())


def test_recorded_shows_the_command_as_code() -> None:
    @dataclass
    class Record:
        machine: str = "recorded on 2026-01-02, CPU, seeds 0, 1, 2: python experiments/x.py --device cpu"

    html = viz.recorded(Record())._repr_html_()
    assert "<code>python experiments/x.py --device cpu</code>" in html
    assert "Recorded on 2026-01-02" in html
