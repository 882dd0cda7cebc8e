"""fastText vectors: means of rows, words never seen, the training step, and files."""

import dataclasses

import numpy as np
import pytest
import torch

from course_lib.embeddings import word2vec
from course_lib.embeddings.fasttext import FastText, FastTextConfig, train
from course_lib.embeddings.fasttext_step import SubwordStep, bag_means, take_bags
from course_lib.embeddings.noise import cumulative_table
from course_lib.embeddings.sgns import block_loss, cut_blocks
from course_lib.text.ngrams import ngram_buckets, ngrams
from course_lib.text.vocab import Vocabulary

TINY = FastTextConfig.tiny()


def corpus(sentences: int = 200, seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], Vocabulary]:
    """Two topics whose words never meet; each word in two inflected forms."""
    rng = np.random.default_rng(seed)
    stems = [["harbor", "vessel", "anchor", "sailor"], ["garden", "flower", "meadow", "petals"]]
    text = [[rng.choice(stems[s % 2]) + rng.choice(["", "ing"]) for _ in range(8)] for s in range(sentences)]
    vocabulary = Vocabulary.from_sentences(text)
    return vocabulary.encode_sentences(text), vocabulary


def new_model(words: list[str], **changes) -> FastText:
    return FastText(Vocabulary(words), dataclasses.replace(TINY, **changes))


def test_a_vector_is_the_mean_of_the_word_s_row_and_its_ngrams_rows() -> None:
    model = new_model(["other", "where"])
    buckets = ngram_buckets(["where"], 3, 6, TINY.buckets)[0]
    assert len(buckets) == len(ngrams("where"))
    by_hand = (model.rows[1] + sum(model.rows[2 + b] for b in buckets)) / (1 + len(buckets))
    torch.testing.assert_close(model(["where"])[0], by_hand, atol=1e-6, rtol=0)


def test_an_unseen_word_is_the_mean_of_its_ngrams_alone() -> None:
    model = new_model(["where"])
    buckets = ngram_buckets(["here"], 3, 6, TINY.buckets)[0]
    torch.testing.assert_close(model(["here"])[0], model.rows[1 + torch.from_numpy(buckets)].mean(0))


def test_a_word_too_short_for_any_ngram_is_zero_and_its_neighbours_in_the_batch_are_not() -> None:
    vectors = new_model(["where"])(["", "where", "", "there"])
    assert not vectors[[0, 2]].any()
    assert vectors[[1, 3]].any(dim=1).all()


def test_without_ngrams_an_unseen_word_has_no_vector() -> None:
    assert not new_model(["where"], max_n=0)(["here"]).any()


@pytest.mark.oracle
def test_vectors_equal_the_released_fasttext_s_for_its_rows_seen_and_unseen_words(tmp_path) -> None:
    import fasttext

    (tmp_path / "text").write_text("where the café 电视剧 好看 naïve\n" * 40, encoding="utf-8")
    options = {
        "bucket": 800,
        "minn": 2,
        "maxn": 4,
        "dim": 8,
        "epoch": 2,
        "thread": 1,
        "minCount": 1,
        "verbose": 0,
    }
    oracle = fasttext.train_unsupervised(str(tmp_path / "text"), **options)
    model = new_model(oracle.get_words(), size=8, min_n=2, max_n=4, buckets=800)
    model.rows.data = torch.from_numpy(oracle.get_input_matrix())
    words = ["where", "café", "电视剧", "nowhere", "电视", "unseen", "好"]
    expected = np.stack([oracle.get_word_vector(word) for word in words])
    np.testing.assert_allclose(model(words).detach().numpy(), expected, atol=1e-6)


def test_a_step_on_a_block_is_the_closed_form_of_autograd_s_gradient(device: torch.device) -> None:
    generator = torch.Generator(device=device).manual_seed(0)
    values, offsets = (
        torch.tensor([0, 3, 4, 1, 3, 2, 5, 5], device=device),
        torch.tensor([0, 3, 5, 8], device=device),
    )
    rows, output = (
        torch.randn(n, 4, dtype=torch.float64, device=device, generator=generator) for n in (6, 3)
    )
    ids, sentence = (
        torch.tensor([0, 0, 1, 2, 0, 1, 0], device=device),
        torch.tensor([-1, 0, 0, 0, 1, 1, -1], device=device),
    )
    reach, table = (
        torch.ones(5, dtype=torch.int64, device=device),
        torch.from_numpy(cumulative_table(np.ones(3))).to(device),
    )
    before = [rows.clone().requires_grad_(), output.clone().requires_grad_()]
    noise_generator = torch.Generator(device=device).manual_seed(3)
    step = SubwordStep(rows, output, values, offsets, table, noise_generator, 1, 2, 4, 5, float("inf"))
    assert step(ids, sentence, reach, 0.1) == 6  # 0-1, 1-2 both ways, and 0-1 in the second sentence
    # the same loss, with each word's vector looked up one at a time
    noise = torch.searchsorted(
        table,
        torch.randint(
            2**31 - 1, (1, 4), generator=torch.Generator(device=device).manual_seed(3), device=device
        ),
        right=True,
    )
    means = torch.stack([before[0][values[offsets[w] : offsets[w + 1]]].mean(0) for w in range(3)])
    means.retain_grad()
    blocks = cut_blocks(ids, sentence, reach, 5, 1)
    band = blocks.band.double()
    weight = torch.cat([band, band.sum(-1, keepdim=True).expand(-1, -1, 4) * (2 / 4)], -1)
    other = before[1][torch.cat([blocks.context, noise], 1)]
    block_loss(means[blocks.center], other, weight, blocks.context.shape[1]).backward()
    torch.testing.assert_close(output, before[1] - 0.1 * before[1].grad)
    # a row takes the whole error of every word that it is part of, once for each time it is part of it
    whole = torch.zeros_like(rows)
    for word in range(3):
        for row in values[offsets[word] : offsets[word + 1]]:
            whole[row] += means.grad[word]
    torch.testing.assert_close(rows, before[0].detach() - 0.1 * whole)


def test_take_bags_and_bag_means_keep_lists_apart() -> None:
    values, offsets = torch.tensor([5, 6, 7, 8, 9]), torch.tensor([0, 2, 3, 5])
    taken, owner = take_bags(values, offsets, torch.tensor([2, 0]))
    assert taken.tolist() == [8, 9, 5, 6]
    assert owner.tolist() == [0, 0, 1, 1]
    table = torch.arange(10.0)[:, None]
    assert bag_means(table, taken, owner, 2).tolist() == [[8.5], [5.5]]


def test_without_ngrams_training_is_word2vec_s_own() -> None:
    source, vocabulary = corpus()
    shared = {
        "size": 16,
        "window": 2,
        "epochs": 2,
        "subsample": 0.0,
        "batch_tokens": 64,
        "block": 8,
        "shared_noise": 8,
    }
    plain = word2vec.train(source, vocabulary, word2vec.Word2VecConfig(**shared))
    ours = train(source, vocabulary, FastTextConfig(**shared, max_n=0, buckets=1, learning_rate=0.025))
    # only the first values differ: [−1/E, 1/E] here, [−1/2E, 1/2E] there
    pair = word2vec.new_model(vocabulary, plain.config)
    start = FastText(vocabulary, ours.config)
    torch.testing.assert_close(start.rows[:-1], 2 * pair.input, atol=1e-7, rtol=0)
    assert float(torch.cosine_similarity(ours.rows[:-1].detach().flatten(), plain.input.flatten(), 0)) > 0.9


def test_an_unseen_form_lands_in_its_stem_s_topic(device: torch.device) -> None:
    source, vocabulary = corpus(400)
    config = dataclasses.replace(TINY, epochs=8, buckets=2000)
    model = train(source, vocabulary, config, device=device)
    vectors = model.vectors([*vocabulary.words, "anchored", "flowered"])
    topic = {
        stem: i
        for i, group in enumerate([("harbor", "vessel", "sailor"), ("garden", "meadow", "petals")])
        for stem in group
    }
    for i, word in enumerate(["anchored", "flowered"]):
        # judged by words with other stems, so that shared letters alone cannot do it
        means = [
            np.mean([vectors.similarity(word, stem) for stem, t in topic.items() if t == k]) for k in range(2)
        ]
        assert means[i] > means[1 - i] + 0.2


def test_the_same_seed_gives_the_same_vectors_and_another_seed_others() -> None:
    source, vocabulary = corpus(40)
    first, again, other = (train(source, vocabulary, FastTextConfig.tiny(seed)).rows for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_most_similar_takes_words_outside_the_vocabulary() -> None:
    model = new_model(["where", "garden"])
    assert model.most_similar("wherever", 1)[0][0] == "where"
    assert [word for word, _ in model.most_similar("where", 5)] == ["garden"]


def test_a_word_of_ten_thousand_characters_and_nul_bytes_have_vectors() -> None:
    text = [["x" * 10_000, "nul\0byte", "plain"]] * 4
    vocabulary = Vocabulary.from_sentences(text)
    model = train(vocabulary.encode_sentences(text), vocabulary, TINY)
    assert model(["x" * 10_000, "nul\0byte", "y" * 10_000, "\0"]).isfinite().all()


def test_a_window_larger_than_the_text_is_the_whole_text() -> None:
    text = [["a", "b"], ["b", "a", "b"]]
    vocabulary = Vocabulary.from_sentences(text)
    assert (
        train(vocabulary.encode_sentences(text), vocabulary, dataclasses.replace(TINY, window=50))
        .rows.isfinite()
        .all()
    )


@pytest.mark.parametrize("text", [[], [[]], [["one", "one"]]])
def test_a_text_with_nothing_to_predict_is_refused(text: list[list[str]]) -> None:
    vocabulary = Vocabulary.from_sentences(text)
    with pytest.raises(ValueError, match="vocabulary must have at least 2 words"):
        train(vocabulary.encode_sentences(text), vocabulary, TINY)


def test_sentences_of_one_word_hold_no_pair_and_are_refused() -> None:
    vocabulary = Vocabulary(["a", "b"])
    with pytest.raises(ValueError, match="two neighbouring words"):
        train(vocabulary.encode_sentences([["a"], ["b"]]), vocabulary, TINY)


@pytest.mark.parametrize(
    "change",
    [
        {"buckets": 0},
        {"buckets": 2**40},
        {"min_n": 0},
        {"max_n": -1},
        {"size": 0},
        {"epochs": 0},
        {"learning_rate": -1.0},
    ],
)
def test_impossible_settings_are_refused_by_name(change: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        dataclasses.replace(TINY, **change)


def test_a_string_is_no_list_of_words() -> None:
    with pytest.raises(ValueError, match="words must be a list"):
        new_model(["a"])("where")


def test_a_saved_model_comes_back_whole(tmp_path) -> None:
    model = new_model(["where", "电视剧"])
    model.save(tmp_path / "m.pt")
    again = FastText.load(tmp_path / "m.pt", TINY)
    assert again.vocabulary.words == model.vocabulary.words
    assert torch.equal(again(["unseen", "电视"]), model(["unseen", "电视"]))


def test_a_file_with_other_settings_or_damage_is_refused(tmp_path) -> None:
    path = tmp_path / "m.pt"
    new_model(["where"]).save(path)
    with pytest.raises(ValueError, match="config"):
        FastText.load(path, dataclasses.replace(TINY, buckets=7))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a model"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="path must be"):
            FastText.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "m.pt"
    new_model(["where"]).save(path)
    old = path.read_bytes()

    def fails(*_args, **_options) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", fails)
    with pytest.raises(OSError, match="no space"):
        new_model(["other"]).save(path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["m.pt"]
