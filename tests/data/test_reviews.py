"""Reviews of two domains."""

import numpy as np
import pytest

from course_lib.data.counting import NaiveBayes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.reviews import DOMAINS, POSITIVE, domain_words, reviews, write_reviews


@pytest.fixture(scope="module")
def lang() -> Language:
    return Language(LanguageConfig(vocab_size=2000))


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_verdict_alone_decides_the_label(lang: Language, domain: str) -> None:
    words = domain_words(lang, domain)
    praise = {}
    for (plain, negated), praises in zip(words.adjectives, words.praises, strict=True):
        praise[plain], praise[negated] = praises, not praises
    for tokens, label in reviews(lang, domain, 300, seed=1):
        assert set(tokens) <= set(lang.forms)
        assert praise[tokens[-2]] == bool(label)


def test_the_domains_differ_in_labels_and_words(lang: Language) -> None:
    words = {}
    for domain in DOMAINS:
        sample = reviews(lang, domain, 3000, seed=2)
        assert np.mean([label for _, label in sample]) == pytest.approx(POSITIVE[domain], abs=0.03)
        words[domain] = {token for tokens, _ in sample for token in tokens}
    common = words["books"] & words["television"]
    for domain in DOMAINS:
        assert 0.05 < len(common) / len(words[domain]) < 0.7


def test_counting_words_beats_the_majority_stays_below_the_truth_and_suffers_in_the_other_domain(
    lang: Language,
) -> None:
    for domain, other in (DOMAINS, DOMAINS[::-1]):
        model = NaiveBayes(reviews(lang, domain, 1500, seed=3))
        test, away = reviews(lang, domain, 600, seed=4), reviews(lang, other, 600, seed=4)
        here, there = (np.mean([model.choose(x, [0, 1]) == y for x, y in part]) for part in (test, away))
        majority = max(POSITIVE[domain], 1 - POSITIVE[domain])
        assert majority + 0.1 < here < 0.9
        assert there < here - 0.1


def test_bad_input_is_refused_by_name(lang: Language) -> None:
    with pytest.raises(ValueError, match="domain"):
        reviews(lang, "films", 3)
    with pytest.raises(ValueError, match="n must be"):
        reviews(lang, "books", 0)
    with pytest.raises(ValueError, match="positive must"):
        write_reviews(domain_words(lang, "books"), 1.5, 3, np.random.default_rng(0))
