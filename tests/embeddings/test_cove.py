"""CoVe: the translator attends to words only, the encoder ignores padding, and it does translate."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.embeddings.cove import (
    END,
    PAD,
    START,
    Batch,
    CoVeConfig,
    Encoder,
    Translator,
    collate,
    translation_loss,
)
from course_lib.nn.masks import length_mask
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

V, E, TARGETS = 9, 4, 11
PAIRS = [([1, 2, 3, 4, 5], [3, 4, 5]), ([6, 7], [6, 7, 8, 9]), ([8], [10])]


@pytest.fixture(params=[True, False], ids=["input feeding", "at once"])
def model(request, device):
    torch.manual_seed(0)
    config = replace(CoVeConfig.tiny(TARGETS), input_feeding=request.param)
    return Translator(torch.randn(V, E), config).double().to(device)


@pytest.fixture
def batch(device):
    return Batch(*(x.to(device) for x in collate(PAIRS)))


def test_attention_rows_sum_to_one_and_padding_gets_nothing(model, batch):
    _, weights = model(batch)
    assert weights.shape == (3, 5, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    outside = ~length_mask(batch.source_lengths, 5)
    assert (weights.transpose(1, 2)[outside] == 0).all()
    _, maps = model.translate(batch.source, batch.source_lengths, 4)
    assert (maps.transpose(1, 2)[outside] == 0).all()


def test_padding_never_changes_states_loss_or_translation(model, batch):
    states = model.encoder(batch.source, batch.source_lengths)
    words, _ = model.translate(batch.source, batch.source_lengths, 6)
    total, count = model.loss(batch)
    sums = [model.loss(Batch(*(x.to(states.device) for x in collate([pair]))))[0] for pair in PAIRS]
    torch.testing.assert_close(total, torch.stack(sums).sum(), rtol=1e-12, atol=1e-12)
    assert int(count) == 3 + 4 + 1 + 3
    for b, (source, _) in enumerate(PAIRS):
        ids, length = batch.source[b : b + 1, : len(source)], batch.source_lengths[b : b + 1]
        torch.testing.assert_close(
            model.encoder(ids, length)[0], states[b, : len(source)], rtol=1e-12, atol=1e-12
        )
        assert model.translate(ids, length, 6)[0][0] == words[b]
    assert (states[~length_mask(batch.source_lengths, 5)] == 0).all()
    wider = batch._replace(source=nn.functional.pad(batch.source, (0, 2), value=7),
                           target=nn.functional.pad(batch.target, (0, 3), value=5))  # fmt: skip
    torch.testing.assert_close(model.loss(wider)[0], total, rtol=1e-12, atol=1e-12)


@pytest.mark.oracle
def test_the_encoder_is_torch_s_two_layer_bidirectional_lstm(model, batch):
    lstm = nn.LSTM(E, 5, 2, bidirectional=True, batch_first=True).double().to(batch.source.device)
    for layer in range(2):
        for suffix, ours in (("", model.encoder.lstm.forwards), ("_reverse", model.encoder.lstm.backwards)):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(lstm, f"{name}_l{layer}{suffix}").data = getattr(ours[layer].lstm, f"{name}_l0").data
    states = model.encoder(batch.source, batch.source_lengths)
    for b, (source, _) in enumerate(PAIRS):
        expected = lstm(model.encoder.vectors[torch.tensor(source, device=states.device)][None])[0][0]
        torch.testing.assert_close(states[b, : len(source)], expected, rtol=1e-9, atol=1e-9)


def test_the_greedy_translation_is_the_likeliest_word_given_its_own_past(model, batch):
    words, maps = model.translate(batch.source, batch.source_lengths, 7)
    for b, (source, _) in enumerate(PAIRS):
        pair = Batch(*(x.to(maps.device) for x in collate([(source, words[b])])))
        states, weights = model(pair)
        logits = model.output(states[0])
        logits[:, [PAD, START]] = -torch.inf
        best = logits.argmax(-1).tolist()
        assert best[: len(words[b])] == words[b]
        if len(words[b]) < 7:
            assert best[-1] == END
        n = len(words[b])
        torch.testing.assert_close(maps[b, :n, : len(source)], weights[0, :n])


def test_features_are_the_word_vector_and_then_the_states(model, batch):
    encoder = model.encoder
    features = encoder.features(batch.source, batch.source_lengths)
    assert features.shape == (3, 5, E + 10)
    torch.testing.assert_close(features[0, :, :E], encoder.vectors[batch.source[0]])
    torch.testing.assert_close(features[..., E:], encoder(batch.source, batch.source_lengths))
    assert (features[1, 2:] == 0).all()


def test_the_word_vectors_are_not_trained(model, batch):
    assert not any(p is model.encoder.vectors for p in model.parameters())
    before = model.encoder.vectors.clone()
    fit(model, Batches(PAIRS, 3, collate, seed=0), translation_loss,
        torch.optim.Adam(model.parameters(), lr=0.1), FitConfig(steps=2))  # fmt: skip
    assert torch.equal(before, model.encoder.vectors)


def test_it_learns_to_translate_word_by_word_in_reverse_order(device):
    """Held-out sentences: the target says the source backwards in other words."""
    rng = np.random.default_rng(0)
    drawn = {tuple(rng.integers(0, 6, rng.integers(2, 5)).tolist()) for _ in range(900)}
    sources = [np.array(drawn_one) for drawn_one in sorted(drawn)]
    pairs = [(sources[i], sources[i][::-1] + 3) for i in rng.permutation(len(sources))]
    train, test = pairs[100:], pairs[:100]
    torch.manual_seed(0)
    config = CoVeConfig(9, embedding_size=16, hidden_size=24, num_layers=1, dropout=0.0, input_feeding=False)
    model = Translator(torch.randn(6, 12), config).to(device)
    held_out = Batch(*(x.to(device) for x in collate(test)))

    def right():
        words, _ = model.translate(held_out.source, held_out.source_lengths, 8)
        return np.mean([list(t) == w for (_, t), w in zip(test, words, strict=True)])

    assert right() < 0.1
    fit(model, Batches(train, 50, collate, seed=0), translation_loss,
        torch.optim.Adam(model.parameters(), lr=0.02), FitConfig(steps=400))  # fmt: skip
    assert right() > 0.8


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: CoVeConfig(3), "target_size"),
        (lambda: CoVeConfig(9, num_layers=0), "num_layers"),
        (lambda: CoVeConfig(9, dropout=1.0), "dropout"),
        (lambda: Encoder(torch.zeros(3), CoVeConfig.tiny(9)), "vectors"),
        (lambda: collate([]), "sequences"),
        (lambda: collate([([], [3])]), "sequences"),
    ],
)
def test_bad_input_is_refused_by_name(make, name):
    with pytest.raises(ValueError, match=rf"^{name} must"):
        make()
