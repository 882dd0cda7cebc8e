"""Turn figures into pictures that an HTML page can hold."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST_SVG = 150_000  # bytes; a figure of many points is smaller as a PNG
PNG_SCALE = 2  # pixels of a PNG for each pixel on the page


@dataclass(frozen=True)
class Picture:
    """A drawn figure: its bytes, their format ("svg+xml" or "png"), and its width on the page in pixels."""

    data: bytes
    kind: str
    width: int

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return f"data:image/{self.kind};base64," + base64.b64encode(self.data).decode("ascii")


@dataclass(frozen=True)
class Frame:
    """One picture of a player, the text for those who cannot see it, and its place on the sliders."""

    picture: Picture
    alt: str
    label: str

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return self.picture.uri


def draw(figure: "Figure") -> Picture:
    """The figure on a transparent ground, the same bytes each time; the figure is closed.

    SVG, or PNG at twice the resolution where SVG would be larger than `LARGEST_SVG`.

    Raises:
        ValueError: if `figure` is not a matplotlib figure.
    """
    import matplotlib
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    if not isinstance(figure, Figure):
        raise ValueError(f"figure must be a matplotlib Figure, got a {type(figure).__name__}")
    width = round(96 * figure.get_figwidth())
    # No tight box: all frames of a player keep the same size, so nothing jumps.
    with matplotlib.rc_context({"svg.hashsalt": "course_lib", "savefig.bbox": None}):
        picture = Picture(_bytes(figure, "svg", {"Date": None, "Creator": None}), "svg+xml", width)
        if len(picture.data) > LARGEST_SVG:
            picture = Picture(_bytes(figure, "png", {"Software": None}), "png", width)
    plt.close(figure)
    return picture


def _bytes(figure: "Figure", kind: str, metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, transparent=True, dpi=96 * PNG_SCALE, metadata=metadata)
    return buffer.getvalue()
