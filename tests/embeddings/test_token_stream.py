"""Streams of ids: every form of source, whole sentences, thinning."""

from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.embeddings import token_stream
from course_lib.embeddings.token_stream import parts, passes, pieces

IDS = np.array([3, 1, 2, 0, 1], dtype=np.int32)
OFFSETS = np.array([0, 3, 3, 5])
SENTENCES = [IDS[:3], IDS[3:3], IDS[3:]]


def everything(source, size=4, **options):
    got = list(pieces(source, np.ones(size), np.random.default_rng(0), **options))
    return np.concatenate([p.ids for p in got]), np.concatenate([p.sentence for p in got])


@pytest.mark.parametrize(
    "source",
    [
        (IDS, OFFSETS),
        SimpleNamespace(ids=IDS, sentences=OFFSETS),
        SENTENCES,
        [list(s) for s in SENTENCES],
        lambda: iter(SENTENCES),
        lambda: (IDS, OFFSETS),
    ],
)
def test_all_forms_of_a_source_give_the_same_tokens(source):
    ids, sentence = everything(source)
    assert ids.tolist() == IDS.tolist()
    assert sentence.tolist() == [0, 0, 0, 2, 2]


def test_a_stream_of_parts_is_read_one_by_one():
    source = [(IDS, OFFSETS), SimpleNamespace(ids=IDS, sentences=OFFSETS)]
    assert everything(source)[0].tolist() == IDS.tolist() * 2


def test_a_long_part_is_cut_between_sentences(monkeypatch):
    monkeypatch.setattr(token_stream, "PIECE_TOKENS", 4)
    ids = np.arange(20) % 4
    offsets = np.array([0, 3, 6, 7, 17, 17, 20])
    got = list(pieces((ids, offsets), np.ones(4), np.random.default_rng(0)))
    assert [len(p.ids) for p in got] == [3, 4, 10, 3]
    assert np.concatenate([p.ids for p in got]).tolist() == ids.tolist()


def test_unknown_ids_are_dropped_before_windows_are_made_and_not_counted():
    ids, offsets = np.array([0, -1, 1]), np.array([0, 3])
    piece = next(pieces((ids, offsets), np.ones(2), np.random.default_rng(0)))
    assert piece.ids.tolist() == [0, 1]
    assert piece.seen == 2


def test_remap_translates_ids_and_drops_the_unmapped():
    assert everything((IDS, OFFSETS), size=2, remap=np.array([1, -1, 0, 0]))[0].tolist() == [0, 0, 1]


def test_thinning_keeps_words_at_their_rate():
    ids = np.repeat([0, 1, 2], 20_000)
    piece = next(pieces((ids, np.array([0, 60_000])), np.array([0.2, 0.7, 1.0]), np.random.default_rng(0)))
    kept = np.bincount(piece.ids) / 20_000
    assert kept == pytest.approx([0.2, 0.7, 1.0], abs=0.02)
    assert piece.seen == 60_000


def test_an_empty_source_gives_nothing():
    assert list(parts([])) == []
    assert list(pieces((np.array([], dtype=int), np.array([0])), np.ones(1), np.random.default_rng(0))) == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a text", "source"),
        (7, "source"),
        (["words", "words"], "sentence"),
        ([["words"]], "sentence"),
        ([np.ones((2, 2), dtype=int)], "sentence"),
        ([np.array([0.5])], "sentence"),
        ((IDS, np.array([0, 4])), "offsets"),
        ((IDS, np.array([0, 4, 2, 5])), "offsets"),
        ((np.array([9]), np.array([0, 1])), "ids"),
    ],
)
def test_bad_sources_are_refused_by_name(source, name):
    with pytest.raises(ValueError, match=name):
        everything(source)


def test_a_remap_to_ids_without_a_word_is_refused_by_name():
    keep = np.ones(2)
    with pytest.raises(ValueError, match="remap must lead to ids below 2, got 7"):
        list(pieces([[0, 1]], keep, np.random.default_rng(0), np.array([0, 7])))


@pytest.mark.parametrize("remap", [None, np.arange(2)])
def test_every_id_below_zero_is_dropped(remap):
    (piece,) = pieces([[0, -9, 1, -1]], np.ones(2), np.random.default_rng(0), remap)
    assert piece.ids.tolist() == [0, 1]


def test_an_iterator_cannot_be_read_twice():
    with pytest.raises(ValueError, match="source"):
        passes(iter(SENTENCES), epochs=2)
    assert everything(passes(iter(SENTENCES), epochs=1)())[0].tolist() == IDS.tolist()
