"""context2vec: a slot's context knows everything but the slot."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.embeddings.context2vec import Context2Vec, Context2VecConfig, context2vec_loss, shifted
from course_lib.embeddings.noise import draw_noise
from course_lib.nn.masks import pad
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

V = 12
SENTENCES = [[1, 2, 3, 4, 5], [6, 7], [8], [9, 10, 11, 0]]


@pytest.fixture
def model(device):
    torch.manual_seed(0)
    return Context2Vec(Context2VecConfig.tiny(V), np.arange(1, V + 1)).double().to(device)


@pytest.fixture
def batch(device):
    return tuple(x.to(device) for x in pad(SENTENCES))


def test_the_word_in_the_slot_never_reaches_its_own_context(model, batch):
    """Gradient of the context at slot i with respect to the word read at position j: zero only for i = j."""
    ids, lengths = batch
    read = []

    def remember(module, inputs, output):
        output.retain_grad()
        read.append((inputs[0], output))

    for words in (model.left_words, model.right_words):
        words.register_forward_hook(remember)
    contexts = model(ids, lengths)
    for i in range(5):
        for _, output in read:
            output.grad = None
        contexts[0, i].sum().backward(retain_graph=True)
        reached = {
            int(word)
            for seen, output in read
            for word, gradient in zip(seen[0], output.grad[0], strict=True)
            if gradient.abs().sum() > 0
        }
        assert reached == ({1, 2, 3, 4, 5} - {int(ids[0, i])}) | {V, V + 1}


def test_another_word_in_the_slot_leaves_the_context_and_changes_the_others(model, batch):
    ids, lengths = batch
    other = ids.clone()
    other[0, 2] = 7
    before, after = model(ids, lengths), model(other, lengths)
    torch.testing.assert_close(before[0, 2], after[0, 2], rtol=0, atol=0)
    for i in (0, 1, 3, 4):
        assert (before[0, i] - after[0, i]).abs().max() > 1e-6


def test_padding_never_changes_a_context_or_the_loss(model, batch):
    ids, lengths = batch
    whole = model(ids, lengths)
    noisy = ids.clone()
    for b, sentence in enumerate(SENTENCES):
        alone = model(ids[b : b + 1, : len(sentence)], lengths[b : b + 1])
        torch.testing.assert_close(whole[b, : len(sentence)], alone[0], rtol=1e-12, atol=1e-12)
        noisy[b, len(sentence) :] = 3
    wider = nn.functional.pad(noisy, (0, 3), value=9)
    losses = [model.loss(x, lengths, torch.Generator(ids.device).manual_seed(5)) for x in (ids, wider)]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-12, atol=1e-12)
    assert int(losses[0][1]) == 12


@pytest.mark.oracle
def test_contexts_are_those_of_two_torch_lstms_stopped_at_the_slot(model, batch):
    whole = model(*batch)
    for b, sentence in enumerate(SENTENCES):
        for i in range(len(sentence)):
            left = torch.tensor([V, *sentence[:i]], device=whole.device)
            right = torch.tensor([V + 1, *reversed(sentence[i + 1 :])], device=whole.device)
            ends = []
            for lstm, words, seen in (
                (model.left, model.left_words, left),
                (model.right, model.right_words, right),
            ):
                theirs = nn.LSTM(8, 10, batch_first=True).double().to(whole.device)
                theirs.load_state_dict(lstm.lstm.state_dict())
                ends.append(theirs(words(seen)[None])[1][0][0, 0])
            expected = model.join[2](torch.relu(model.join[0](torch.cat(ends))))
            torch.testing.assert_close(whole[b, i], expected, rtol=1e-9, atol=1e-9)


def test_the_loss_is_the_papers_sum_over_slots_and_noise(model, batch):
    ids, lengths = batch
    total, count = model.loss(ids, lengths, torch.Generator(ids.device).manual_seed(1))
    noise = draw_noise(model.noise, (12, 3), torch.Generator(ids.device).manual_seed(1))
    contexts, expected, n = model(ids, lengths), 0.0, 0
    for b, sentence in enumerate(SENTENCES):
        for i, word in enumerate(sentence):
            scores = [float((model.targets.weight[word] * contexts[b, i]).sum().detach())]
            scores += [-float((model.targets.weight[w] * contexts[b, i]).sum().detach()) for w in noise[n]]
            expected += sum(math.log1p(math.exp(-score)) for score in scores)
            n += 1
    assert float(total.detach()) == pytest.approx(expected, rel=1e-9)
    assert int(count) == n


def test_each_lstm_reads_one_side_between_the_sentence_marks(batch):
    before, after = shifted(*batch, V)
    assert before[3].tolist()[:4] == [V, 9, 10, 11]
    assert after[3].tolist()[:4] == [10, 11, 0, V + 1]
    assert (before[2, 0].item(), after[2, 0].item()) == (V, V + 1)


def test_it_learns_what_only_both_sides_together_tell(device):
    """The middle word is (left + right) mod 4, so neither side alone says anything about it."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 4, (600, 2))
    sentences = [[4 + int(a), int(a + b) % 4, 8 + int(b)] for a, b in pairs]
    config = Context2VecConfig(V, embedding_size=12, hidden_size=24, output_size=12, negatives=5)
    model = Context2Vec(config, np.bincount(np.concatenate(sentences), minlength=V)).to(device)
    test = [[4 + a, 0, 8 + b] for a in range(4) for b in range(4)]
    answers = torch.tensor([(a + b) % 4 for a in range(4) for b in range(4)], device=device)
    candidates = torch.arange(4, device=device).expand(16, 4)

    def right():
        contexts = model.slots(test, [1] * 16)
        return float((model.similarity(contexts, candidates).argmax(1) == answers).float().mean())

    untrained = right()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    fit(model, Batches(sentences, 50, pad, seed=0), context2vec_loss, optimizer, FitConfig(steps=300))
    assert untrained < 0.6
    assert right() == 1.0


def test_bad_input_is_refused_by_name(model):
    with pytest.raises(ValueError, match=r"^counts must have shape \(12,\)"):
        Context2Vec(Context2VecConfig.tiny(V), np.ones(3))
    with pytest.raises(ValueError, match=r"^vocab_size must"):
        Context2VecConfig(1)
    with pytest.raises(ValueError, match=r"^hidden_size must"):
        Context2VecConfig(5, hidden_size=0)
    with pytest.raises(ValueError, match=r"^positions must be within 0\.\.1, got 2"):
        model.slots([[1, 2]], [2])
    with pytest.raises(ValueError, match=r"^positions must have one"):
        model.slots([[1, 2]], [])
    assert model.slots([], []).shape == (0, 6)
