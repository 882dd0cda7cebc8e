"""BLEU against sacrebleu and by hand."""

import random

import pytest

from course_lib.text.metrics import clipped_matches, corpus_bleu, sentence_bleu


def some_sentences(seed, n, references=1):
    rng = random.Random(seed)
    words = list("abcdefg")
    groups = [[rng.choices(words, k=rng.randint(1, 12)) for _ in range(references)] for _ in range(n)]
    candidates = [[w if rng.random() < 0.7 else rng.choice(words) for w in group[0]] for group in groups]
    return [c[: rng.randint(1, 12)] for c in candidates], groups


def test_the_papers_example_of_clipping_gives_two_of_seven():
    candidate = ["the"] * 7
    lines = ("the cat is on the mat", "there is a cat on the mat")
    references = [line.split() for line in lines]
    assert clipped_matches(candidate, references, 1) == (2, 7)


def test_a_copy_scores_100_and_a_sentence_without_shared_words_0():
    sentence = list("12345")
    assert corpus_bleu([sentence], [[sentence]]).score == pytest.approx(100)
    assert corpus_bleu([sentence], [[["x"] * 5]], smoothing="exp").score == 0


def test_corpus_bleu_is_not_the_mean_of_sentence_scores():
    candidates, references = some_sentences(0, 30)
    mean = sum(sentence_bleu(c, r).score for c, r in zip(candidates, references, strict=True)) / 30
    assert abs(corpus_bleu(candidates, references).score - mean) > 0.5


def test_a_short_candidate_pays_the_brevity_penalty():
    result = corpus_bleu([["a", "b"]], [[["a", "b", "c", "d"]]], max_order=2)
    assert result.precisions == (1, 1)
    assert result.brevity_penalty == pytest.approx(2.718281828 ** (1 - 4 / 2))


@pytest.mark.oracle
@pytest.mark.parametrize("references", [1, 3])
@pytest.mark.parametrize("smoothing", ["none", "floor", "add-k", "exp"])
def test_corpus_and_sentence_scores_equal_sacrebleus(smoothing, references):
    from sacrebleu.metrics import BLEU

    for seed in range(20):
        candidates, groups = some_sentences(seed, 8, references)
        lines = [" ".join(c) for c in candidates]
        streams = [[" ".join(group[i]) for group in groups] for i in range(references)]
        oracle = BLEU(tokenize="none", force=True, smooth_method=smoothing)
        expected = oracle.corpus_score(lines, streams)
        ours = corpus_bleu(candidates, groups, smoothing=smoothing)
        assert ours.score == pytest.approx(expected.score, abs=1e-9)
        assert ours.brevity_penalty == pytest.approx(expected.bp)
        single = BLEU(tokenize="none", force=True, smooth_method=smoothing, effective_order=True)
        for line, candidate, group in zip(lines, candidates, groups, strict=True):
            expected = single.sentence_score(line, [" ".join(r) for r in group])
            assert sentence_bleu(candidate, group, smoothing=smoothing).score == pytest.approx(
                expected.score, abs=1e-9
            )


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ([["a"]], [], "as many"),
        ([], [], "at least one"),
        (["a b"], [[["a"]]], "got a string"),
        ([["a"]], [["a b"]], "got a string"),
        ([["a"]], [[]], "at least one"),
    ],
)
def test_wrong_arguments_are_named(candidates, references, message):
    with pytest.raises(ValueError, match=message):
        corpus_bleu(candidates, references)


def test_empty_candidates_score_zero():
    assert corpus_bleu([[]], [[["a"]]]).score == 0
    assert sentence_bleu([], [["a"]]).score == 0
