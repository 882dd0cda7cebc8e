"""Scenes: what is said about them is what is in them."""

import numpy as np
import pytest

from course_lib.data.scenes import COLOURS, DIGITS, KINDS, PLACES, RGB, SceneConfig, scenes


@pytest.fixture(scope="module", params=[SceneConfig(), SceneConfig(size=50, grid=3, least=2, most=5)])
def drawn(request):
    return scenes(400, 0, request.param), request.param


def test_the_same_seed_gives_the_same_scenes_and_another_gives_others():
    a, b, c = scenes(20, 3), scenes(20, 3), scenes(20, 4)
    np.testing.assert_array_equal(a.images, b.images)
    assert (a.captions, a.questions, a.answers) == (b.captions, b.questions, b.answers)
    assert a.captions != c.captions


def test_shapes_types_and_ranges(drawn):
    s, config = drawn
    k = config.most
    assert s.images.shape == (400, 3, config.size, config.size)
    assert s.images.dtype == np.float32
    assert 0 <= s.images.min() <= s.images.max() <= 1
    assert s.boxes.shape == (400, k, 4)
    number = s.present.sum(1)
    assert number.min() == config.least
    assert number.max() == k


def test_all_ink_lies_in_the_boxes_and_touches_every_side_of_each(drawn):
    s, _ = drawn
    for image, boxes, present in zip(s.images[:100], s.boxes[:100], s.present[:100], strict=True):
        ink = image.max(0) > 0
        rest = ink.copy()
        for x0, y0, x1, y1 in boxes[present].astype(int):
            part = ink[y0:y1, x0:x1]
            assert part[0].any()
            assert part[-1].any()
            assert part[:, 0].any()
            assert part[:, -1].any()
            rest[y0:y1, x0:x1] = False
        assert not rest.any()


def test_boxes_lie_in_their_cells_and_have_their_colour(drawn):
    s, config = drawn
    side = config.size // config.grid
    for i, k in zip(*np.nonzero(s.present), strict=True):
        x0, y0, x1, y1 = s.boxes[i, k].astype(int)
        row, column = divmod(s.cells[i, k], config.grid)
        assert column * side <= x0 < x1 <= (column + 1) * side
        assert row * side <= y0 < y1 <= (row + 1) * side
        pixels = s.images[i, :, y0:y1, x0:x1].reshape(3, -1)
        brightest = pixels[:, pixels.sum(0).argmax()]
        direction = RGB[s.colours[i, k]]
        np.testing.assert_allclose(brightest / brightest.max(), direction / direction.max(), atol=1e-5)


def test_digits_of_a_scene_differ_and_empty_slots_are_marked(drawn):
    s, _ = drawn
    for digits, present in zip(s.digits, s.present, strict=True):
        assert len(set(digits[present])) == present.sum()
        assert (digits[~present] == -1).all()
    assert (s.boxes[~s.present] == 0).all()


def test_the_painted_digit_is_the_labelled_image():
    from sklearn.datasets import load_digits

    data = load_digits()
    s = scenes(50, 1, SceneConfig(size=16))  # a cell of 8 x 8: neither shift nor scale
    for i, k in zip(*np.nonzero(s.present), strict=True):
        assert data.target[s.sources[i, k]] == s.digits[i, k]
        row, column = divmod(s.cells[i, k], 2)
        cell = s.images[i, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].max(0)
        np.testing.assert_allclose(cell, data.images[s.sources[i, k]] / 16, atol=1e-6)


def test_train_and_test_scenes_share_no_digit_image():
    train = scenes(3000, 0).sources
    test = scenes(3000, 0, SceneConfig(part="test")).sources
    assert train.max() < test[test >= 0].min()
    assert set(np.unique(train[train >= 0] // 100)) == set(range(15))


def test_captions_name_every_digit_with_its_colour_and_place_in_reading_order(drawn):
    s, config = drawn
    places = PLACES[config.grid]
    for i in range(200):
        parts = [
            f"a {COLOURS[s.colours[i, k]]} {DIGITS[s.digits[i, k]]} at the {places[s.cells[i, k]]}"
            for k in np.flatnonzero(s.present[i])
        ]
        assert s.captions[i] == " and ".join(parts)
        assert (np.diff(s.cells[i][s.present[i]]) > 0).all()


def test_answers_are_true(drawn):
    s, config = drawn
    for i in range(400):
        on = np.flatnonzero(s.present[i])
        by_name = {DIGITS[s.digits[i, k]]: k for k in on}
        words = s.questions[i].split()
        kind = KINDS[s.kinds[i]]
        if kind == "count":
            expected = DIGITS[len(on)]
        elif kind == "exists":
            expected = "yes" if words[3] in by_name else "no"
        elif kind == "colour":
            expected = COLOURS[s.colours[i, by_name[words[4]]]]
        elif kind == "place":
            expected = PLACES[config.grid][s.cells[i, by_name[words[3]]]]
        else:
            a, b = (s.cells[i, by_name[w]] % config.grid for w in (words[2], words[8]))
            assert a != b
            expected = "yes" if a < b else "no"
        assert s.answers[i] == expected


def test_no_kind_of_question_can_be_answered_without_looking():
    s = scenes(6000, 5)
    for index, kind in enumerate(KINDS):
        answers = [a for a, k in zip(s.answers, s.kinds, strict=True) if k == index]
        most_common = max(answers.count(a) for a in set(answers)) / len(answers)
        assert most_common < 1.3 / len(set(answers)), kind


def test_ten_thousand_scenes_take_seconds_not_minutes():
    assert len(scenes(10_000, 0).captions) == 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": 4}, "grid must be"),
        ({"size": 15}, "size must be"),
        ({"least": 0}, "least"),
        ({"most": 5}, "most"),
        ({"part": "valid"}, "part must be"),
    ],
)
def test_wrong_configurations_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        SceneConfig(**options)


def test_a_number_of_scenes_below_one_is_named():
    with pytest.raises(ValueError, match="n must be at least 1"):
        scenes(0, 0)
