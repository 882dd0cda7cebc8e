"""Scenes of real handwritten digits, with captions, boxes, questions and answers whose truth is known.

The digits are scikit-learn's bundled copy of the test set of "Optical Recognition of Handwritten Digits"
(E. Alpaydin and C. Kaynak 1998, UCI repository, CC BY 4.0): 1,797 images of 8 x 8 pixels. A scene puts one to
three different digits into the cells of a grid, each with a colour, a size and a shift; train and test scenes
draw from different images. Everything but the strings is drawn in one go with numpy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = ("red", "green", "blue", "yellow", "white")
RGB = np.array([[1, 0.2, 0.2], [0.2, 1, 0.2], [0.3, 0.4, 1], [1, 1, 0.2], [1, 1, 1]], dtype=np.float32)
PLACES = {
    2: ("top left", "top right", "bottom left", "bottom right"),
    3: tuple(
        f"{row} {column}".replace("middle centre", "centre")
        for row in ("top", "middle", "bottom")
        for column in ("left", "centre", "right")
    ),
}
KINDS = ("count", "exists", "colour", "place", "relation")


@dataclass(frozen=True)
class SceneConfig:
    """What scenes look like.

    Attributes:
        size: height and width in pixels; a cell needs at least 8.
        grid: cells in a row, 2 or 3.
        least, most: digits in a scene.
        part: "train" draws from the first 80 % of the images, "test" from the rest.
    """

    size: int = 32
    grid: int = 2
    least: int = 1
    most: int = 3
    part: str = "train"

    def __post_init__(self) -> None:
        if self.grid not in PLACES:
            raise ValueError(f"grid must be 2 or 3, got {self.grid}")
        if self.size // self.grid < 8:
            raise ValueError(
                f"size must be at least {8 * self.grid} for a grid of {self.grid}, got {self.size}"
            )
        if not 1 <= self.least <= self.most <= self.grid**2:
            raise ValueError(f"need 1 <= least <= most <= {self.grid**2}, got {self.least} and {self.most}")
        if self.part not in ("train", "test"):
            raise ValueError(f"part must be 'train' or 'test', got {self.part!r}")


@dataclass(frozen=True)
class Scenes:
    """N scenes with up to K digits; where `present` is False a slot is empty (digit, colour, cell -1, box 0).

    Attributes:
        images: (N, 3, size, size) float32 in [0, 1].
        present: (N, K) bool.
        digits, colours, cells: (N, K) int64; objects stand in reading order of their cells.
        boxes: (N, K, 4) float32: x0, y0, x1, y1 in pixels, tight around the ink, x1 and y1 exclusive.
        captions: one sentence a scene.
        questions, answers: one pair a scene; kinds: (N,) index into KINDS.
        sources: (N, K) int64 index of the digit's image in scikit-learn's set.
    """

    images: NDArray[np.float32]
    present: NDArray[np.bool_]
    digits: NDArray[np.int64]
    colours: NDArray[np.int64]
    cells: NDArray[np.int64]
    boxes: NDArray[np.float32]
    captions: list[str]
    questions: list[str]
    answers: list[str]
    kinds: NDArray[np.int64]
    sources: NDArray[np.int64]


def scenes(n: int, seed: int, config: SceneConfig | None = None) -> Scenes:
    """Draw n scenes; the same seed gives the same scenes.

    Raises:
        ValueError: if n is not positive.
    """
    config = config or SceneConfig()
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    rng = np.random.default_rng(seed)
    k = config.most
    present = np.arange(k) < rng.integers(config.least, k + 1, (n, 1))  # (N, K)
    digits = rng.random((n, 10)).argsort(1)[:, :k]  # all different in a scene
    colours = rng.integers(0, len(COLOURS), (n, k))
    places = rng.random((n, config.grid**2)).argsort(1)[:, :k]
    cells = np.where(present, places, config.grid**2)
    cells.sort(1)  # reading order, empty slots last
    images, labels = _bundled(config.part)
    sources = _one_of_each(labels, digits, rng)
    canvas, boxes = _paint(images[sources], colours, cells, present, config, rng)
    digits, colours, cells = (np.where(present, array, -1) for array in (digits, colours, cells))
    kinds, questions, answers = _ask(digits, colours, cells, present, config, rng)
    captions = _describe(digits, colours, cells, present, config)
    offset = 0 if config.part == "train" else len(_bundled("train")[1])
    return Scenes(
        canvas,
        present,
        digits,
        colours,
        cells,
        boxes,
        captions,
        questions,
        answers,
        kinds,
        np.where(present, sources + offset, -1),
    )


def _bundled(part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The bundled images (M, 8, 8) in [0, 1] with their labels (M,)."""
    from sklearn.datasets import load_digits

    data = load_digits()
    cut = int(0.8 * len(data.target))
    chosen = slice(0, cut) if part == "train" else slice(cut, None)
    return (data.images[chosen] / 16).astype(np.float32), data.target[chosen].astype(np.int64)


def _one_of_each(
    labels: NDArray[np.int64], digits: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """For each wanted digit the index of a random image of it: (N, K)."""
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=10)
    starts = np.cumsum(counts) - counts
    return order[starts[digits] + (rng.random(digits.shape) * counts[digits]).astype(np.int64)]


def _paint(
    stamps: NDArray[np.float32],
    colours: NDArray[np.int64],
    cells: NDArray[np.int64],
    present: NDArray[np.bool_],
    config: SceneConfig,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Enlarge each stamp by a whole factor, shift it in its cell, colour it, and measure its box."""
    n, k = colours.shape
    side = config.size // config.grid
    scale = rng.integers(1, side // 8 + 1, (n, k, 1))
    shift = (rng.random((n, k, 2)) * (side - 8 * scale + 1)).astype(np.int64)  # (N, K, y and x)
    pixel = np.arange(side) - shift[..., None]  # (N, K, 2, side): place in the stamp, enlarged
    inside = (pixel >= 0) & (pixel < 8 * scale[..., None])
    at = np.clip(pixel // scale[..., None], 0, 7)
    take = (np.arange(n)[:, None, None, None], np.arange(k)[None, :, None, None])
    ink = stamps[(*take, at[:, :, 0, :, None], at[:, :, 1, None, :])]  # (N, K, side, side)
    ink = ink * (inside[:, :, 0, :, None] & inside[:, :, 1, None, :]) * present[..., None, None]
    canvas = np.zeros((n, config.grid**2 + 1, side, side, 3), dtype=np.float32)  # one more for empty slots
    canvas[np.arange(n)[:, None], cells] = ink[..., None] * RGB[colours][:, :, None, None]
    tiles = canvas[:, :-1].reshape(n, config.grid, config.grid, side, side, 3)
    image = np.zeros((n, 3, config.size, config.size), dtype=np.float32)
    used = side * config.grid
    image[..., :used, :used] = tiles.transpose(0, 5, 1, 3, 2, 4).reshape(n, 3, used, used)
    corner = np.stack([cells % config.grid, cells // config.grid], -1) * side  # (N, K, x and y)
    low, high = [], []
    for axis in (2, 3):  # columns say where x lies, rows where y lies
        marked = ink.any(axis)
        low.append(marked.argmax(-1))
        high.append(side - marked[..., ::-1].argmax(-1))
    boxes = np.concatenate([corner + np.stack(low, -1), corner + np.stack(high, -1)], -1)
    return image, (boxes * present[..., None]).astype(np.float32)


def _names(
    digits: NDArray[np.int64], colours: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    return np.array(DIGITS, dtype=object)[digits], np.array(COLOURS, dtype=object)[colours]


def _describe(
    digits: NDArray[np.int64],
    colours: NDArray[np.int64],
    cells: NDArray[np.int64],
    present: NDArray[np.bool_],
    config: SceneConfig,
) -> list[str]:
    """ "a red three at the top left and a blue one at the bottom right", objects in reading order."""
    digit, colour = _names(digits, colours)
    place = np.array(PLACES[config.grid], dtype=object)[cells]
    phrase = "a " + colour + " " + digit + " at the " + place
    caption = phrase[:, 0]
    for slot in range(1, present.shape[1]):
        caption = caption + np.where(present[:, slot], " and " + phrase[:, slot], "")
    return caption.tolist()


def _ask(
    digits: NDArray[np.int64],
    colours: NDArray[np.int64],
    cells: NDArray[np.int64],
    present: NDArray[np.bool_],
    config: SceneConfig,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """One question a scene, of a random kind; a relation needs two digits, else it becomes "exists"."""
    n, number = len(digits), present.sum(1)
    rows = np.arange(n)
    kinds = rng.integers(0, len(KINDS), n)
    first = (rng.random(n) * number).astype(np.int64)
    second = (first + 1 + (rng.random(n) * np.maximum(number - 1, 1)).astype(np.int64)) % np.maximum(
        number, 1
    )
    columns = cells % config.grid
    differ = (columns[rows, first] != columns[rows, second]) & (number > 1)
    kinds = np.where((kinds == KINDS.index("relation")) & ~differ, KINDS.index("exists"), kinds)
    there = np.zeros((n, 11), dtype=bool)
    there[rows[:, None], digits] = True  # -1 marks the spare column
    absent = (rng.random((n, 10)) - there[:, :10]).argmax(1)
    yes = rng.random(n) < 0.5
    asked = np.where(yes, digits[rows, first], absent)
    digit, colour = _names(digits, colours)
    left = columns[rows, first] < columns[rows, second]
    name, other = digit[rows, first], digit[rows, second]
    word = np.array(DIGITS, dtype=object)
    truth = np.array(["no", "yes"], dtype=object)
    place = np.array(PLACES[config.grid], dtype=object)[cells[rows, first]]
    questions = np.stack(
        [
            np.full(n, "how many digits are there ?", dtype=object),
            "is there a " + word[asked] + " ?",
            "what colour is the " + name + " ?",
            "where is the " + name + " ?",
            "is the " + name + " to the left of the " + other + " ?",
        ]
    )
    answers = np.stack(
        [word[number], truth[yes.astype(int)], colour[rows, first], place, truth[left.astype(int)]]
    )
    return kinds, questions[kinds, rows].tolist(), answers[kinds, rows].tolist()
