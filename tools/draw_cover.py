"""Draw the book's logo, favicon and cover picture into _ext/coursebook/static/.

    tools/draw_cover.py

On the left a cloud of words as points, with one analogy as a parallelogram of arrows; to the right the
points fall into rows of tokens joined by attention. All colours are mid-tones, legible on white and on
black. The same code always draws the same files.
"""

# ruff: noqa: E501
import math
import random
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "_ext" / "coursebook" / "static"
BLUE, AMBER, GREEN, PINK, GREY = "#2f7fc1", "#e08a1e", "#1f9d7a", "#cf5f93", "#8a8f98"
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img">'


def dot(x: float, y: float, r: float, colour: str, opacity: float = 1.0) -> str:
    """A point."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{colour}" opacity="{opacity:.2f}"/>'


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, size: float) -> str:
    """A straight arrow with a filled head."""
    angle = math.atan2(y2 - y1, x2 - x1)
    bx, by = x2 - size * math.cos(angle), y2 - size * math.sin(angle)
    left = (bx - size * 0.5 * math.sin(angle), by + size * 0.5 * math.cos(angle))
    right = (bx + size * 0.5 * math.sin(angle), by - size * 0.5 * math.cos(angle))
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{bx:.1f}" y2="{by:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" stroke-linecap="round"/>'
        f'<polygon points="{x2:.1f},{y2:.1f} {left[0]:.1f},{left[1]:.1f} {right[0]:.1f},{right[1]:.1f}" '
        f'fill="{colour}"/>'
    )


def mark(scale: float) -> str:
    """The sign of the course: two parallel arrows between four points, an analogy."""
    a, b, c, d = (14, 47), (27, 17), (37, 50), (50, 20)
    parts = [
        f'<line x1="{a[0]}" y1="{a[1]}" x2="{c[0]}" y2="{c[1]}" stroke="#9fb4cc" stroke-width="2.4" '
        'stroke-dasharray="2 4" stroke-linecap="round"/>',
        f'<line x1="{b[0]}" y1="{b[1]}" x2="{d[0]}" y2="{d[1]}" stroke="#9fb4cc" stroke-width="2.4" '
        'stroke-dasharray="2 4" stroke-linecap="round"/>',
        arrow(*a, 25.2, 21.2, "#f4b04a", 4.2, 9),
        arrow(*c, 48.2, 24.2, "#f4b04a", 4.2, 9),
    ]
    parts += [
        dot(*a, 5.2, "#ffffff"),
        dot(*b, 5.2, "#6cc3ff"),
        dot(*c, 5.2, "#ffffff"),
        dot(*d, 5.2, "#6cc3ff"),
    ]
    return f'<g transform="scale({scale})"><rect width="64" height="64" rx="14" fill="#16324f"/>{"".join(parts)}</g>'


def write(name: str, width: int, height: int, title: str, body: str) -> None:
    """One SVG file."""
    text = f"{HEAD.format(width, height)}<title>{title}</title>{body}</svg>\n"
    (STATIC / name).write_text(text, encoding="utf-8")


def cover() -> str:
    """Words as points, which fall into rows joined by attention."""
    rng = random.Random(7)
    rows, columns = 4, 9
    left = [(46 + rng.random() * 330, 24 + rng.random() * 212) for _ in range(64)]
    grid = [(500 + 50 * c, 40 + 60 * r) for r in range(rows) for c in range(columns)]
    parts = []
    for r in range(rows - 1):  # attention between two rows: a few strong ties for each token
        for c in range(columns):
            weights = [(rng.random() ** 3, k) for k in range(columns)]
            for weight, k in sorted(weights)[-4:]:
                (x1, y1), (x2, y2) = grid[r * columns + c], grid[(r + 1) * columns + k]
                colour = (BLUE, PINK, GREEN)[r]
                parts.append(
                    f'<path d="M{x1} {y1}C{x1} {y1 + 30} {x2} {y2 - 30} {x2} {y2}" fill="none" '
                    f'stroke="{colour}" stroke-width="{0.6 + 2 * weight:.2f}" opacity="{0.18 + 0.55 * weight:.2f}"/>'
                )
    for r in range(rows):  # the flight of some words from the cloud into the first column
        x, y = grid[r * columns]
        for _ in range(3):
            sx, sy = left[rng.randrange(len(left))]
            parts.append(
                f'<path d="M{sx:.0f} {sy:.0f}C{sx + 90:.0f} {sy:.0f} {x - 70} {y} {x - 9} {y}" fill="none" '
                f'stroke="{GREY}" stroke-width="1" stroke-dasharray="2 5" opacity="0.7"/>'
            )
    for number, (x, y) in enumerate(left):
        parts.append(dot(x, y, 2.2 + 3.4 / (1 + number / 9), GREY, 0.35 + 0.3 * rng.random()))
    colours = (BLUE, PINK, GREEN, AMBER)
    for number, (x, y) in enumerate(grid):
        parts.append(
            f'<rect x="{x - 9}" y="{y - 6}" width="18" height="12" rx="4" fill="{colours[number // columns]}"/>'
        )
    a, b, c, d = (96, 196), (150, 74), (236, 214), (290, 92)
    for x1, y1, x2, y2 in ((*a, *b), (*c, *d)):
        parts.append(arrow(x1, y1, x2 - 4, y2 + 9, AMBER, 3.4, 13))
    for p, q in ((a, c), (b, d)):
        parts.append(
            f'<line x1="{p[0]}" y1="{p[1]}" x2="{q[0]}" y2="{q[1]}" stroke="{BLUE}" stroke-width="2" '
            'stroke-dasharray="3 6" stroke-linecap="round"/>'
        )
    parts += [dot(*p, 7, BLUE) for p in (a, b, c, d)]
    font = 'font-family="ui-serif, Georgia, serif" font-style="italic" font-size="15"'
    for (x, y), word in ((a, "walk"), (b, "walked"), (c, "sing"), (d, "sang")):
        below = y + (24 if y > 150 else -14)
        parts.append(f'<text x="{x - 12}" y="{below}" fill="#7c7c7c" {font}>{word}</text>')
    return "".join(parts)


def main() -> None:
    """Write the three files."""
    write("logo.svg", 64, 64, "From Word Vectors to Pretrained Models", mark(1))
    write("favicon.svg", 64, 64, "From Word Vectors to Pretrained Models", mark(1))
    write("cover.svg", 960, 260, "From points to attention", cover())


if __name__ == "__main__":
    main()
