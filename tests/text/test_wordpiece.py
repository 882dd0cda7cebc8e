"""WordPiece: greedy encoding against BertTokenizer, both trainers."""

import pydoc_data.topics
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.text.wordpiece import SPECIAL, WordPiece, WordPieceConfig, learn_by_likelihood

TEXTS = [text for name, text in sorted(pydoc_data.topics.topics.items()) if name < "comparisons"]
LEARNED = WordPiece.learn(TEXTS, WordPieceConfig(vocab_size=1200))
FREQUENT = WordPiece.learn(TEXTS, WordPieceConfig(vocab_size=1200, scoring="frequency"))


@pytest.mark.oracle
@pytest.mark.parametrize("tokenizer", [LEARNED, FREQUENT])
def test_encodings_equal_transformers_bert_tokenizer(tokenizer):
    from transformers import BertTokenizer

    oracle = BertTokenizer(vocab={symbol: i for i, symbol in enumerate(tokenizer.vocab)}, do_lower_case=True)
    texts = [*pydoc_data.topics.topics.values(), "Ünïcode 漢字 x\u0000y", "a" * 101, "a" * 100, "!" * 50]
    for text in texts:
        if any(special in text for special in SPECIAL):
            continue
        assert tokenizer.encode(text) == oracle.encode(text, add_special_tokens=False)


@pytest.mark.oracle
def test_the_frequency_trainer_equals_hugging_faces_word_piece_trainer():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    oracle = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    oracle.normalizer = normalizers.BertNormalizer(lowercase=True)
    oracle.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # the alphabet with "##" has no fixed order there, so it is handed over
    start = [symbol for symbol in FREQUENT.vocab if len(symbol.removeprefix("##")) == 1 or symbol in SPECIAL]
    trainer = trainers.WordPieceTrainer(
        vocab_size=1200, min_frequency=2, special_tokens=start, show_progress=False
    )
    oracle.train_from_iterator(TEXTS, trainer)
    vocab = sorted(oracle.get_vocab().items(), key=lambda item: item[1])
    assert [symbol for symbol, _ in vocab] == FREQUENT.vocab


def test_the_likelihood_trainer_equals_scoring_every_pair_anew():
    words = ["hugs", "hug", "pug", "pun", "bun", "hugging", "running"]
    counts = [5, 10, 5, 12, 4, 3, 2]
    spelled = [[w[0], *("##" + c for c in w[1:])] for w in words]
    start = sorted({s for word in spelled for s in word})
    names, current = list(start), [list(word) for word in spelled]
    for _ in range(12):
        single, pairs = Counter(), Counter()
        for word, count in zip(current, counts, strict=True):
            for symbol in word:
                single[symbol] += count
            for a, b in pairwise(word):
                pairs[a, b] += count
        score = {p: c / (single[p[0]] * single[p[1]]) for p, c in pairs.items() if c >= 2}
        a, b = min(score, key=lambda p: (-score[p], names.index(p[0]), names.index(p[1])))
        joined = a + b.removeprefix("##")
        if joined not in names:
            names.append(joined)
        for word in current:
            i = 0
            while i < len(word) - 1:
                if word[i : i + 2] == [a, b]:
                    word[i : i + 2] = [joined]
                i += 1
    assert learn_by_likelihood(spelled, counts, start, len(names)) == names


def test_the_two_scorings_choose_different_pieces():
    assert LEARNED.vocab != FREQUENT.vocab


def test_the_longest_piece_is_taken_first_and_a_gap_makes_the_word_unknown():
    tokenizer = WordPiece([*SPECIAL, "un", "una", "##aff", "##able", "##a", "##ff"])
    assert tokenizer.pieces("unaffable") == ["una", "##ff", "##able"]
    assert tokenizer.pieces("unaffablex un") == ["[UNK]", "un"]
    assert tokenizer.decode(tokenizer.encode("unaffable un")) == "unaffable un"


@given(st.lists(st.text("abcdefghij", min_size=1, max_size=20)))
def test_words_of_known_letters_come_back(words):
    assert LEARNED.decode(LEARNED.encode(" ".join(words))) == " ".join(words)


@given(st.text())
def test_any_text_encodes_to_ids_of_the_vocabulary(text):
    assert all(0 <= i < len(LEARNED) for i in LEARNED.encode(text))


def test_very_long_words_are_unknown_as_in_bert():
    assert LEARNED.pieces("a" * 10_000) == ["[UNK]"]


def test_files_come_back_whole_and_broken_ones_are_errors(tmp_path):
    path = tmp_path / "wordpiece.json"
    LEARNED.save(path)
    again = WordPiece.load(path)
    assert (again.vocab, again.config) == (LEARNED.vocab, LEARNED.config)
    whole = path.read_bytes()
    for broken in (whole[:-20], whole.replace(b"##e", b"##f", 1), b"{}"):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"wordpiece\.json"):
            WordPiece.load(path)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="at least one word, got none"):
        WordPiece.learn([])
    with pytest.raises(ValueError, match="texts must be a list of texts, got the string 'a text'"):
        WordPiece.learn("a text")
    with pytest.raises(ValueError, match="scoring must be"):
        WordPieceConfig(scoring="pmi")
    with pytest.raises(ValueError, match="vocab must hold"):
        WordPiece(["a"])
    with pytest.raises(ValueError, match="ids must lie in"):
        LEARNED.decode([-1])
