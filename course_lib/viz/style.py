"""One matplotlib style for light and dark pages.

The background is transparent and all text is a grey that has a contrast of about 4.2 to 1 against both
white and the book's dark background. Lines differ by dash and marker as well as by colour (the colours
are Okabe and Ito's, chosen to stay apart for colour-blind readers).
"""

from typing import Any

INK = "#7c7c7c"
FAINT = "#8a8a8a59"
COLOURS = ("#0f8fd6", "#e07b00", "#0a9e78", "#d0609c", "#b59a00", "#8a7ae0")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "X")
FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Zen Hei")


def settings() -> dict[str, Any]:
    """The style as matplotlib's rcParams."""
    from cycler import cycler
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return {
        "figure.facecolor": "none",
        "figure.figsize": (6.8, 3.9),
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "figure.titlesize": "medium",
        "savefig.facecolor": "none",
        "savefig.edgecolor": "none",
        "savefig.transparent": True,
        "savefig.bbox": "tight",
        "savefig.dpi": 160,
        "svg.hashsalt": "course_lib",
        "font.family": [name for name in FONTS if name in installed] or ["sans-serif"],
        "font.size": 11,
        "text.color": INK,
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlesize": "medium",
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=DASHES) + cycler(marker=MARKERS),
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.9,
        "lines.markersize": 5,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.frameon": False,
        "legend.labelcolor": INK,
        "image.cmap": "cividis",
        "patch.edgecolor": "none",
        "hatch.color": INK,
    }


def use() -> None:
    """Make the course's style the default of this session; in a notebook, draw figures as SVG.

    The same figure gives the same bytes in each run: no date, and ids that depend on nothing else.
    """
    import matplotlib

    parameters: Any = matplotlib.rcParams
    parameters.update(settings())
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # plain Python
        return
    shell = get_ipython()
    if shell is not None and hasattr(shell, "kernel"):
        import matplotlib.pyplot  # loads the inline backend, whose formats are set next

        set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})
