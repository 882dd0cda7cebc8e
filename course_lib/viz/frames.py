"""Turn figures into pictures that an HTML page can hold."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Frame:
    """One picture of a player: its SVG, the text for those who cannot see it, its place on the slider."""

    svg: bytes
    alt: str
    label: str

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode("ascii")


def draw(figure: "Figure") -> bytes:
    """The figure as SVG with transparent background, the same bytes each time; the figure is closed.

    Raises:
        ValueError: if `figure` is not a matplotlib figure.
    """
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    if not isinstance(figure, Figure):
        raise ValueError(f"figure must be a matplotlib Figure, got a {type(figure).__name__}")
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "course_lib", "savefig.bbox": None}):
        # No tight box: all frames of a player keep the same size, so nothing jumps.
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return buffer.getvalue()
