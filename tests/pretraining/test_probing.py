"""Gaps filled by a model's head, and linear probes on its states."""

import numpy as np
import pytest
import torch

from course_lib.pretraining.bert import BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Special, collate, pair, single
from course_lib.pretraining.probing import fill_gap, linear_probe, text_features

V, SPECIAL, MASK = 30, Special(0, 1, 2), 3


@pytest.fixture
def model(device):
    torch.manual_seed(0)
    model = BertForPreTraining(BertConfig.tiny(V)).to(device).eval()
    torch.nn.init.normal_(model.masked_lm.bias, std=1.0)
    return model


def test_the_chosen_candidate_is_the_one_of_the_highest_mean_log_probability(model, device):
    texts = [([5, 6], [7]), ([], [8, 9, 10]), ([11], []), ([5], [5, 5])] * 2
    candidates = [[[12 + i], [13 - i, 14], [15, 16, 17 + i]] for i in range(8)]
    expected, by_sum = [], []
    for (left, right), offered in zip(texts, candidates, strict=True):
        scores = []
        for option in offered:
            ids = torch.tensor([[1, *left, *[MASK] * len(option), *right, 2]], device=device)
            logs = model(ids)[0].log_softmax(-1)[0]
            scores.append(np.mean([float(logs[1 + len(left) + i, p].detach()) for i, p in enumerate(option)]))
        expected.append(int(np.argmax(scores)))
        by_sum.append(
            int(np.argmax([score * len(option) for score, option in zip(scores, offered, strict=True)]))
        )
    for batch_size in (1, 4, 512):
        got = fill_gap(model, texts, candidates, SPECIAL, MASK, batch_size=batch_size)
        assert got.tolist() == expected
    assert len(set(expected)) > 1
    assert by_sum != expected


def test_features_are_the_first_state_beside_the_mean_and_padding_never_counts(model, device):
    examples = [single([5, 6, 7, 8, 9], SPECIAL), pair([5], [6], SPECIAL), single([9], SPECIAL)]
    together = text_features(model.bert, examples)
    assert together.shape == (3, 32)
    for example, row in zip(examples, together, strict=True):
        batch = collate([example])
        states = model.bert(
            batch.input_ids.to(device), None, batch.token_type_ids.to(device)
        ).last_hidden_state[0]
        expected = torch.cat([states[0], states.mean(0)]).detach().cpu().numpy()
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(text_features(model.bert, examples, batch_size=2), together, atol=1e-5)


def test_a_linear_probe_finds_what_is_linear_and_nothing_in_noise():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(400, 6)), random.integers(0, 2, 400)
    assert abs(linear_probe(x[:300], y[:300], x[300:], y[300:]) - 0.5) < 0.15
    x[:, 2] += 4 * y
    assert linear_probe(x[:300], y[:300], x[300:], y[300:]) > 0.9


def test_bad_arguments_are_named(model):
    with pytest.raises(ValueError, match="candidates must be equally many"):
        fill_gap(model, [([5], [6])] * 2, [[[7], [8]], [[7]]], SPECIAL, MASK)
