"""BPEmb: vectors for words that training never saw."""

import numpy as np
import pytest

from course_lib.embeddings import bpemb
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.word2vec_config import Word2VecConfig
from course_lib.text.bpe import BPE, BPEConfig


def two_groups(n=400):
    """Words of two groups never meet; stems take the endings -ing and -ed."""
    rng = np.random.default_rng(0)
    groups = [["kanto", "melif", "sorub"], ["gavyn", "pilze", "dworth"]]
    text = []
    for i in range(n):
        words = [str(stem + rng.choice(["ing", "ed"])) for stem in rng.choice(groups[i % 2], 8)]
        text.append([word for word in words if word != "kantoed"])
    return text


TEXT = two_groups()
TOKENIZER = BPE.learn([" ".join(sentence) for sentence in TEXT], BPEConfig(vocab_size=48))
CONFIG = Word2VecConfig(size=16, window=3, epochs=4, subsample=0, learning_rate=0.05, min_learning_rate=0.001)


def test_a_words_vector_is_the_mean_of_its_pieces():
    vectors = WordVectors(TOKENIZER.vocab, np.random.default_rng(0).normal(size=(len(TOKENIZER), 4)))
    model = bpemb.PieceVectors(TOKENIZER, vectors)
    pieces = TOKENIZER.pieces("kantoed")
    assert len(pieces) > 1
    expected = np.mean([vectors.vector(piece) for piece in pieces], axis=0)
    np.testing.assert_allclose(model.vector("kantoed"), expected, rtol=1e-6)


def test_an_unseen_word_lands_with_its_own_group(device):
    model = bpemb.train(TEXT, TOKENIZER, CONFIG, device=device)
    table = model.table(["kantoed", "melifing", "gavyning"])
    assert table.similarity("kantoed", "melifing") > table.similarity("kantoed", "gavyning") + 0.1


def test_a_word_without_a_known_piece_is_zero():
    model = bpemb.train(TEXT[:20], TOKENIZER, Word2VecConfig.tiny())
    assert not model.vector("漢字").any()
    assert not model.vector("").any()


def test_saved_piece_vectors_come_back_and_strangers_are_refused(tmp_path):
    model = bpemb.train(TEXT[:20], TOKENIZER, Word2VecConfig.tiny())
    model.save(tmp_path)
    again = bpemb.PieceVectors.load(tmp_path)
    np.testing.assert_array_equal(again.vector("kantoed"), model.vector("kantoed"))
    WordVectors(["zzzz"], np.ones((1, 2))).save(tmp_path / "vectors.txt")
    with pytest.raises(ValueError, match="tokenizer's pieces"):
        bpemb.PieceVectors.load(tmp_path)


@pytest.mark.oracle
def test_gensim_trained_on_the_same_pieces_agrees_on_the_unseen_word():
    from gensim.models import Word2Vec

    ours = bpemb.train(TEXT, TOKENIZER, CONFIG).table(["kantoed", "melifing", "gavyning"])
    pieces = [[piece for word in s for piece in TOKENIZER.pieces(word)] for s in TEXT]
    oracle = Word2Vec(
        pieces,
        vector_size=16,
        window=3,
        epochs=4,
        sg=1,
        negative=5,
        min_count=1,
        sample=0,
        alpha=0.05,
        workers=1,
    )
    theirs = bpemb.PieceVectors(TOKENIZER, WordVectors(oracle.wv.index_to_key, oracle.wv.vectors))
    table = theirs.table(["kantoed", "melifing", "gavyning"])
    for vectors in (ours, table):
        assert vectors.similarity("kantoed", "melifing") > vectors.similarity("kantoed", "gavyning")


def test_too_small_a_text_is_an_error():
    with pytest.raises(ValueError, match="at least 2 words"):
        bpemb.train([["a"]], BPE.learn(["a"], BPEConfig(vocab_size=5)), Word2VecConfig.tiny())
