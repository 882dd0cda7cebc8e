"""The topic model against scikit-learn's batch variational Bayes."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from course_lib.embeddings.lda import LDAConfig, expected_log, fit, infer


def collection(seed=0, documents=60, words=30, topics=3):
    """Documents of 80 words that each prefer one topic; topic t owns the words w with w % topics == t."""
    generator = np.random.default_rng(seed)
    truth = np.arange(documents) % topics
    probabilities = np.full((topics, words), 0.1)
    probabilities[np.arange(words) % topics, np.arange(words)] = 1.0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return csr_matrix(generator.multinomial(80, probabilities[truth]).astype(float)), truth


@pytest.mark.oracle
def test_document_shares_equal_scikit_learn_given_the_same_topics():
    from sklearn.decomposition import LatentDirichletAllocation

    counts, _ = collection()
    theirs = LatentDirichletAllocation(
        3,
        learning_method="batch",
        max_iter=5,
        mean_change_tol=1e-12,
        max_doc_update_iter=2000,
        random_state=0,
    ).fit(counts)
    gamma = infer(counts, theirs.components_, alpha=1 / 3, inner=2000, tolerance=1e-12)
    shares = gamma / gamma.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, theirs.transform(counts), atol=1e-9)


@pytest.mark.oracle
def test_training_reaches_the_bound_that_scikit_learn_reaches():
    from sklearn.decomposition import LatentDirichletAllocation

    counts, _ = collection()
    theirs = LatentDirichletAllocation(3, learning_method="batch", max_iter=60, random_state=0).fit(counts)
    reference = theirs.score(counts)
    topics, _ = fit(counts, LDAConfig(topics=3, sweeps=60), seed=0)
    theirs.components_ = topics
    theirs.exp_dirichlet_component_ = np.exp(expected_log(topics))
    assert abs(theirs.score(counts) - reference) < 2e-3 * abs(reference)


def test_topics_of_known_documents_are_found():
    counts, truth = collection()
    _, gamma = fit(counts, LDAConfig(topics=3, sweeps=40), seed=0)
    found = gamma.argmax(axis=1)
    joint = np.zeros((3, 3))
    np.add.at(joint, (truth, found), 1)
    assert joint.max(axis=1).sum() / len(truth) > 0.95
    assert len(set(joint.argmax(axis=1))) == 3


def test_expected_counts_are_conserved():
    counts, _ = collection()
    topics, gamma = fit(counts, LDAConfig(topics=4, sweeps=3), seed=1)
    np.testing.assert_allclose(topics.sum() - 30, counts.sum())  # λ − η sums to the number of words
    np.testing.assert_allclose(gamma.sum(axis=1) - 1, np.asarray(counts.sum(axis=1)).ravel())


def test_an_empty_document_keeps_the_prior():
    counts, _ = collection()
    topics, _ = fit(counts, LDAConfig(topics=3, sweeps=2))
    empty = csr_matrix((1, 30))
    np.testing.assert_allclose(infer(empty, topics, alpha=0.5), [[0.5, 0.5, 0.5]])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="counts"):
        fit(csr_matrix((3, 4)))
    with pytest.raises(ValueError, match="counts"):
        fit(csr_matrix(np.array([[1.0, -1.0]])))
    with pytest.raises(ValueError, match="topics"):
        fit(csr_matrix(np.eye(3)), LDAConfig(topics=0))
