"""Which token belongs to which word: by prefix, by offsets, by jieba."""

import numpy as np
import pytest
import torch

from course_lib.data.chinese import ChineseForm
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.text.boundaries import boundary_scores
from course_lib.text.word_numbers import continuations, jieba_bounds, numbers_of_bounds, word_numbers
from course_lib.text.wordpiece import SPECIAL, WordPiece, WordPieceConfig

VOCAB = ["[PAD]", "[CLS]", "[SEP]", "un", "##do", "##ing", "the", "a"]
CONTINUES = continuations(VOCAB)


def numbers(rows):
    ids = torch.tensor(rows)
    return word_numbers(ids, CONTINUES, ids > 2).tolist()


def test_pieces_with_the_prefix_belong_to_the_word_before_them(device):
    assert numbers([[1, 6, 3, 4, 5, 7, 2, 0]]) == [[-1, 0, 1, 1, 1, 2, -1, -1]]
    row = torch.tensor([[3, 4]], device=device)
    assert word_numbers(row, CONTINUES, torch.ones_like(row, dtype=torch.bool)).tolist() == [[0, 0]]


def test_a_piece_behind_a_special_token_or_at_the_start_begins_a_word():
    assert numbers([[1, 5, 6, 2, 4, 5, 2, 0], [4, 5, 6, 0, 0, 0, 0, 0]]) == [
        [-1, 0, 1, -1, 2, 2, -1, -1],
        [0, 0, 1, -1, -1, -1, -1, -1],
    ]


def test_marks_may_start_words_as_in_byte_level_vocabularies():
    continues = continuations(["Ġthe", "re", "Ġun", "do"], "Ġ", starts=True)
    assert continues.tolist() == [False, True, False, True]
    ids = torch.tensor([[3, 1, 0, 1, 2, 3]])
    whole = torch.ones_like(ids, dtype=torch.bool)
    assert word_numbers(ids, continues, whole).tolist() == [[0, 0, 1, 1, 2, 2]]


def test_the_numbers_of_a_wordpiece_text_are_its_words():
    words = ["walking", "talked", "walks", "talker", "unwalked", "the", "the", "talk"]
    pieces = WordPiece.learn([" ".join(words)] * 3, WordPieceConfig(vocab_size=45))
    ids = [pieces.index[p] for word in words for p in pieces.word_pieces(word)]
    expected = [i for i, word in enumerate(words) for _ in pieces.word_pieces(word)]
    assert len(ids) > len(words)
    row = torch.tensor([ids])
    is_word = torch.ones_like(row, dtype=torch.bool)
    assert word_numbers(row, continuations(pieces.vocab), is_word).tolist() == [expected]
    assert not continuations(SPECIAL).any()


def test_numbers_of_characters_follow_the_offsets():
    assert numbers_of_bounds([0, 2, 3, 6]).tolist() == [0, 0, 1, 2, 2, 2]
    assert numbers_of_bounds([0]).tolist() == []


@pytest.mark.oracle
def test_jieba_finds_nearly_all_words_of_the_chinese_form(tmp_path, capfd):
    language = Language(LanguageConfig.tiny())
    texts, true = ChineseForm(language).write(language.sample(4000, seed=3))
    found = jieba_bounds(texts, cache=tmp_path)
    assert capfd.readouterr().err == ""
    for text, bounds in zip(texts, found, strict=True):
        assert bounds[0] == 0
        assert bounds[-1] == len(text)
        assert len(numbers_of_bounds(bounds)) == len(text)
    scores = boundary_scores(
        {t: b[1:-1].tolist() for t, b in zip(texts, found, strict=True)},
        {t: b[1:-1].tolist() for t, b in zip(texts, true, strict=True)},
        dict.fromkeys(texts, 1.0),
    )
    assert scores.recall > 0.97
    assert scores.precision > 0.93
    assert scores.chance < 0.75


def test_bad_arguments_are_named():
    ids = torch.tensor([[1, 2]])
    with pytest.raises(ValueError, match="ids and is_word must both be"):
        word_numbers(ids, CONTINUES, ids[:, :1] > 0)
    with pytest.raises(ValueError, match="mark must be"):
        continuations(VOCAB, "")
    for bad in ([1, 2], [0, 2, 2], [], np.zeros((2, 2))):
        with pytest.raises(ValueError, match="bounds must rise from 0"):
            numbers_of_bounds(bad)
