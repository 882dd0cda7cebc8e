"""Framing and packing: nothing lost, nothing crossed, labels true, lengths kept."""

from itertools import pairwise

import pytest
import torch

from course_lib.pretraining.examples import NO_LABEL, Special, collate, pair, single
from course_lib.pretraining.packing import FOLLOWS, STRANGER, TokenBatches, pack

SPECIAL = Special(0, 1, 2)
NAMES = ("segment-pair", "sentence-pair", "full-sentences", "doc-sentences")


def corpus(documents=20, seed=0):
    """Every token is unique: (document, sentence, place) can be read off it."""
    generator = torch.Generator().manual_seed(seed)
    out, token = [], 10
    where = {}
    for d in range(documents):
        sentences = []
        for s in range(int(torch.randint(1, 7, (1,), generator=generator))):
            n = int(torch.randint(2, 12, (1,), generator=generator))
            sentences.append(list(range(token, token + n)))
            where |= {t: (d, s) for t in sentences[-1]}
            token += n
        out.append(sentences)
    return out, where


def words(example):
    return [i for i in example.ids if i >= 10]


def segments(example):
    return tuple(
        [i for i, t in zip(example.ids, example.token_type_ids, strict=True) if i >= 10 and t == which]
        for which in (0, 1)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [8, 24, 64])
def test_every_example_fits_and_is_framed(name, length):
    documents, _ = corpus()
    for example in pack(documents, length, name, SPECIAL, seed=1):
        assert len(example) <= length
        assert len(example.token_type_ids) == len(example)
        assert example.ids[0] == SPECIAL.cls_id
        assert example.ids[-1] == SPECIAL.sep_id
        assert words(example)
        assert (example.label == NO_LABEL) == name.endswith("sentences")


def test_doc_sentences_never_cross_a_document_and_lose_nothing():
    documents, where = corpus()
    examples = pack(documents, 40, "doc-sentences", SPECIAL)
    for example in examples:
        assert len({where[i][0] for i in words(example)}) == 1
        assert example.ids.count(SPECIAL.sep_id) == 1
    assert [i for e in examples for i in words(e)] == [i for d in documents for s in d for i in s]


def test_full_sentences_cross_documents_with_a_separator_and_lose_nothing():
    documents, where = corpus()
    examples = pack(documents, 40, "full-sentences", SPECIAL)
    assert [i for e in examples for i in words(e)] == [i for d in documents for s in d for i in s]
    crossed = 0
    for example in examples:
        for a, b in zip(example.ids, example.ids[1:], strict=False):
            if a >= 10 and b >= 10:
                assert where[a][0] == where[b][0]
        crossed += len({where[i][0] for i in words(example)}) > 1
    assert crossed > 3
    assert len(examples) < len(pack(documents, 40, "doc-sentences", SPECIAL))


@pytest.mark.parametrize("length", [6, 13, 40])
def test_a_separator_of_documents_stands_between_words_only(length):
    documents, where = corpus(60)
    between = 0
    for example in pack(documents, length, "full-sentences", SPECIAL):
        assert example.ids.count(SPECIAL.cls_id) == 1
        for a, sep, b in zip(example.ids, example.ids[1:], example.ids[2:], strict=False):
            if sep == SPECIAL.sep_id:
                assert where[a][0] + 1 == where[b][0]
                between += 1
    assert between >= 1


@pytest.mark.parametrize("name", ["full-sentences", "doc-sentences"])
def test_a_sentence_longer_than_the_input_goes_on_in_the_next(name):
    documents = [[list(range(10, 40)), [40, 41]], [list(range(50, 61))]]
    examples = pack(documents, 8, name, SPECIAL)
    assert [i for e in examples for i in words(e)] == [i for d in documents for s in d for i in s]
    assert max(len(e) for e in examples) == 8


def test_sentences_are_packed_as_full_as_they_go():
    documents, where = corpus(40)
    size = {w: 0 for w in where.values()}
    for w in where.values():
        size[w] += 1
    for name in ("full-sentences", "doc-sentences"):
        examples = pack(documents, 40, name, SPECIAL)
        for example, after in pairwise(examples):
            following = where[words(after)[0]]
            crossing = following[0] != where[words(example)[-1]][0]
            if not crossing:
                assert len(example) + size[following] > 40
            elif name == "full-sentences":
                assert len(example) + 1 + size[following] > 40


def test_batches_have_about_as_many_tokens_whatever_the_packing():
    documents, _ = corpus(200)
    for name in NAMES:
        examples = pack(documents, 40, name, SPECIAL)
        data = TokenBatches(examples, 400, lambda rows: rows, seed=0)
        batches = list(data.epoch(2))
        sizes = [sum(map(len, batch)) for batch in batches]
        assert all(360 < size <= 400 for size in sizes[:-1])
        assert sorted(e.ids for b in batches for e in b) == sorted(e.ids for e in examples)
        assert [len(b) for b in data.epoch(2, 3)] == [len(b) for b in batches[3:]]
        assert batches[0] != next(data.epoch(3))
    assert [len(b) for b in TokenBatches(examples[:3], 1, list, seed=0).epoch(0)] == [1, 1, 1]


@pytest.mark.parametrize("name", ["segment-pair", "sentence-pair"])
def test_labels_of_pairs_are_true_and_balanced(name):
    documents, where = corpus(400)
    examples = pack(documents, 64, name, SPECIAL, seed=3)
    for example in examples:
        a, b = segments(example)
        if example.label == FOLLOWS:
            assert where[b[0]] == (where[a[0]][0], where[a[-1]][1] + 1)
        else:
            assert {where[i][0] for i in a}.isdisjoint({where[i][0] for i in b})
        if name == "sentence-pair":
            assert len({where[i] for i in a}) == len({where[i] for i in b}) == 1
    share = sum(e.label == STRANGER for e in examples) / len(examples)
    assert 0.45 < share < 0.8  # a document's last sentence can only have a stranger


@pytest.mark.parametrize("name", ["segment-pair", "sentence-pair"])
def test_a_stranger_is_never_of_the_same_document(name):
    documents, where = corpus(3)
    strangers = 0
    for seed in range(10):
        for example in pack(documents, 64, name, SPECIAL, seed=seed):
            a, b = segments(example)
            if example.label == STRANGER:
                strangers += 1
                assert where[a[0]][0] != where[b[0]][0]
    assert strangers > 20


def test_segment_pairs_use_every_sentence_as_a_first_or_following_one():
    documents, where = corpus(60)
    seen = set()
    for example in pack(documents, 400, "segment-pair", SPECIAL, seed=4, short_share=0.0):
        a, b = segments(example)
        seen |= {where[i] for i in (a + b if example.label == FOLLOWS else a)}
    assert seen == set(where.values())


def test_the_seed_decides_the_pairs():
    documents, _ = corpus()
    a, b, c = (pack(documents, 40, "segment-pair", SPECIAL, seed=seed) for seed in (1, 1, 2))
    assert a == b
    assert a != c


def test_short_targets_make_some_segment_pairs_short():
    documents = [[[10 + i] * 5 for i in range(200)]] * 2
    long = pack(documents, 60, "segment-pair", SPECIAL, short_share=0.0)
    mixed = pack(documents, 60, "segment-pair", SPECIAL, short_share=0.5)
    assert len(mixed) > len(long)
    assert sum(len(e) for e in mixed) / len(mixed) < sum(len(e) for e in long) / len(long)


def test_a_batch_pads_ids_masks_segments_and_words():
    batch = collate(
        [single([7, 8], SPECIAL, word_ids=[0, 0]), single([9], SPECIAL, word_ids=[0], label=1)], pad_id=0
    )
    assert batch.input_ids.tolist() == [[1, 7, 8, 2], [1, 9, 2, 0]]
    assert batch.attention_mask.tolist() == [[True] * 4, [True] * 3 + [False]]
    assert batch.word_ids.tolist() == [[-1, 0, 0, -1], [-1, 0, -1, -1]]
    assert batch.labels.tolist() == [NO_LABEL, 1]
    assert pair([5], [6, 7], SPECIAL).token_type_ids == [0, 0, 0, 1, 1, 1]
    assert collate([pair([5], [6], SPECIAL)]).word_ids is None


def test_bad_arguments_are_named():
    documents, _ = corpus()
    with pytest.raises(ValueError, match="packing must be one of"):
        pack(documents, 40, "paragraphs", SPECIAL)
    with pytest.raises(ValueError, match="length must be 5 or more"):
        pack(documents, 4, "full-sentences", SPECIAL)
    with pytest.raises(ValueError, match="documents must be two or more"):
        pack(documents[:1], 40, "segment-pair", SPECIAL)
    with pytest.raises(ValueError, match="all have word_ids or none"):
        collate([single([7], SPECIAL, word_ids=[0]), single([8], SPECIAL)])
    with pytest.raises(ValueError, match="sequences must hold"):
        collate([])
    with pytest.raises(ValueError, match="examples must hold at least one"):
        TokenBatches([], 10, list, seed=0)
    with pytest.raises(ValueError, match="tokens must be 1 or more"):
        TokenBatches([single([7], SPECIAL)], 0, list, seed=0)
