"""The player with a kernel: ipywidgets in JupyterLab."""

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.viz.players import Player


def control(player: "Player") -> Any:
    """Sliders (and a play button along the first) above the picture of their positions."""
    import ipywidgets as widgets

    sliders = [
        widgets.SelectionSlider(
            options=[(name, place) for place, name in enumerate(names)],
            description=label,
            continuous_update=True,
            style={"description_width": "initial"},
            layout={"width": "24rem"},
        )
        for label, names in player.axes.items()
    ]
    picture = widgets.HTML()

    def show(*_: Any) -> None:
        frame = player.frame([slider.value for slider in sliders])
        picture.value = (
            f'<img src="{frame.uri}" alt="{escape(frame.alt, quote=True)}" '
            f'style="width:{frame.picture.width}px;max-width:100%">'
        )

    for slider in sliders:
        slider.observe(show, names="value")
    show()
    first = next(iter(player.axes.values()))
    row: list[Any] = list(sliders)
    if len(first) > 1:
        play = widgets.Play(
            min=0, max=len(first) - 1, interval=player.interval, description=f"Play {player.alt}"
        )
        play.observe(lambda change: setattr(sliders[0], "value", change["new"]), names="value")
        row.insert(0, play)
    return widgets.VBox(
        [widgets.Box(row, layout={"flex_flow": "row wrap", "align_items": "center"}), picture]
    )
