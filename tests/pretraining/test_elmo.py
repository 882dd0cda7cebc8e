"""ELMo: two language models that never meet, and the vectors they leave behind."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.embeddings.context_probes import states_at
from course_lib.nn.masks import pad
from course_lib.pretraining.elmo import Elmo, ElmoConfig, bounded, elmo_loss
from course_lib.pretraining.elmo_inputs import CharacterConfig, CharacterInputs
from course_lib.pretraining.elmo_task import ElmoTagger, tagging_loss
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

V, E = 12, 6
SENTENCES = [[1, 2, 3, 4, 5], [6, 7], [8], [9, 10, 11, 0]]


@pytest.fixture
def model(device):
    torch.manual_seed(0)
    return Elmo(ElmoConfig.tiny(V)).double().to(device)


@pytest.fixture
def batch(device):
    return tuple(x.to(device) for x in pad(SENTENCES))


def reached(model, state):
    """Which columns of the inputs a state's gradient reaches, and not merely almost."""
    x, output = state
    (gradient,) = torch.autograd.grad(output.sum(), x, retain_graph=True)
    return (gradient[0].abs().sum(-1) > 0).nonzero().flatten().tolist()


@pytest.mark.parametrize("residual", [True, False])
def test_the_two_directions_never_mix_in_any_layer(batch, device, residual):
    """A forward state reaches itself and the past, a backward state itself and the future; exactly."""
    torch.manual_seed(0)
    config = replace(ElmoConfig.tiny(V), num_layers=3, residual=residual)
    model = Elmo(config).double().to(device)
    ids, lengths = batch
    x, forwards, backwards = model.states(ids, lengths)
    assert len(forwards) == len(backwards) == 3
    for k in range(7):  # start, five words, end
        for layer in range(3):
            assert reached(model, (x, forwards[layer][0, k])) == list(range(k + 1))
            assert reached(model, (x, backwards[layer][0, k])) == list(range(k, 7))


def test_a_true_bilstm_does_mix_so_the_test_above_can_fail(batch, device):
    torch.manual_seed(0)
    x = torch.randn(1, 7, E, dtype=torch.float64, device=device, requires_grad=True)
    both = nn.LSTM(E, 5, 2, batch_first=True, bidirectional=True).double().to(device)
    assert reached(None, (x, both(x)[0][0, 2, :5])) == list(range(7))


@pytest.mark.oracle
def test_layers_and_gradients_are_those_of_torch_lstms_with_projections_sentence_by_sentence(model, batch):
    ids, lengths = batch
    layers = model(ids, lengths)
    weight = torch.randn_like(layers)
    (layers * weight).sum().backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    total = 0.0
    for b, sentence in enumerate(SENTENCES):
        x = model.inputs(torch.tensor([V, *sentence, V + 1], device=ids.device))
        states = [[x, x]]
        for j in range(2):
            pair = []
            for side, stack in enumerate((model.forwards, model.backwards)):
                theirs = nn.LSTM(E, 9, proj_size=E).double().to(ids.device)
                weights = dict(stack.layers[j].lstm.named_parameters())
                below = states[-1][side].flip(0) if side else states[-1][side]
                out = torch.func.functional_call(theirs, weights, (below,))[0]
                out = out.flip(0) if side else out
                pair.append(out + states[-1][side] if j else out)
            states.append(pair)
        expected = torch.stack([torch.cat(pair, -1) for pair in states])[:, 1:-1]
        torch.testing.assert_close(layers[:, b, : len(sentence)], expected, rtol=1e-9, atol=1e-9)
        total = total + (expected * weight[:, b, : len(sentence)]).sum()
    total.backward()
    theirs = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert set(ours) == set(theirs)
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-9, atol=1e-9)


def test_the_loss_is_the_papers_sum_over_both_directions(model, batch):
    total, count = model.loss(*batch)
    _, forwards, backwards = model.states(*batch)
    expected, n = 0.0, 0
    for b, sentence in enumerate(SENTENCES):
        words = [V, *sentence, V + 1]
        for k in range(len(words)):
            if k > 0:  # words[k] given the words before it
                expected -= F.log_softmax(model.softmax(forwards[-1][b, k - 1]), -1)[words[k]].item()
                n += 1
            if k < len(words) - 1:  # words[k] given the words after it
                expected -= F.log_softmax(model.softmax(backwards[-1][b, k + 1]), -1)[words[k]].item()
                n += 1
    assert float(total.detach()) == pytest.approx(expected, rel=1e-10)
    assert int(count) == n == 2 * (12 + 4)


def test_both_directions_teach_the_one_softmax_and_the_one_table(model, batch):
    """With one direction's loss taken away, the shared weights still get a gradient from the other."""
    shared = [model.inputs.weight, model.softmax.weight, model.softmax.bias]
    _, forwards, backwards = model.states(*batch)
    for states in (forwards, backwards):
        gradients = torch.autograd.grad(model.softmax(states[-1]).square().sum(), shared, retain_graph=True)
        assert all(float(g.abs().sum()) > 0 for g in gradients)
    assert sum(p.numel() for p in model.softmax.parameters()) == (V + 2) * (E + 1)
    own = {p.data_ptr() for p in model.forwards.parameters()} & {
        p.data_ptr() for p in model.backwards.parameters()
    }
    assert not own


def test_padding_never_changes_a_layer_or_the_loss(model, batch):
    ids, lengths = batch
    whole = model(ids, lengths)
    noisy = ids.clone()
    for b, sentence in enumerate(SENTENCES):
        alone = model(ids[b : b + 1, : len(sentence)], lengths[b : b + 1])
        torch.testing.assert_close(whole[:, b, : len(sentence)], alone[:, 0], rtol=1e-12, atol=1e-12)
        assert not whole[:, b, len(sentence) :].any()
        noisy[b, len(sentence) :] = 3
    wider = F.pad(noisy, (0, 3), value=9)
    for other in (noisy, wider, ids.int()):
        torch.testing.assert_close(
            model.loss(ids, lengths), model.loss(other, lengths), rtol=1e-12, atol=1e-12
        )


def test_it_computes_in_bfloat16_under_autocast(batch, device):
    torch.manual_seed(0)
    inputs = CharacterInputs([f"w{i}" for i in range(V)], CharacterConfig.tiny())
    model = Elmo(ElmoConfig.tiny(V), inputs).to(device)
    tagger = ElmoTagger(model, 2, 5, torch.randn(V, 4), dropout=0.0).to(device)
    exact = [model.loss(*batch)[0], tagger.loss(*batch, batch[0] % 2)[0]]
    with torch.autocast(device.type, torch.bfloat16):
        rough = [model.loss(*batch)[0], tagger.loss(*batch, batch[0] % 2)[0]]
    torch.testing.assert_close([r.float() for r in rough], exact, rtol=0.02, atol=0)


def test_sentences_stand_between_a_start_and_an_end(batch):
    assert bounded(*batch, V).tolist() == [
        [V, 1, 2, 3, 4, 5, V + 1],
        [V, 6, 7] + 4 * [V + 1],
        [V, 8] + 5 * [V + 1],
        [V, 9, 10, 11, 0, V + 1, V + 1],
    ]


def test_layer_zero_is_the_same_vector_wherever_a_word_stands_and_the_others_are_not(model):
    sentences, places = [[1, 5, 2], [5, 3], [4, 4, 5]], [1, 0, 2]
    layers = states_at(model, sentences, places, model.softmax.weight.device, batch_size=2)
    assert layers.shape == (3, 3, 2 * E)
    torch.testing.assert_close(layers[0], layers[0, :1].expand(3, -1), rtol=0, atol=0)
    torch.testing.assert_close(layers[0, 0], model.inputs.weight[5].detach().repeat(2), rtol=0, atol=0)
    for j in (1, 2):
        assert float((layers[j, 0] - layers[j, 1]).abs().max()) > 1e-4


def test_the_papers_sizes_are_the_default():
    config = ElmoConfig(10)
    with torch.device("meta"):
        model = Elmo(config)
    # per direction and layer: gates over [x; h] (512 each) with two biases, and the projection
    lstm = 4 * 4096 * (512 + 512 + 2) + 512 * 4096
    assert sum(p.numel() for p in model.forwards.parameters()) == 2 * lstm
    assert model.forwards.layers[0].lstm.proj_size == 512


def test_it_learns_each_direction_up_to_what_that_direction_can_know(device):
    """a→b is certain forwards; backwards, b may come from two words. The optimum is known in bits."""
    torch.manual_seed(0)
    sentences = [[0, 2], [1, 2]] * 40
    model = Elmo(ElmoConfig(3, 16, 24, dropout=0.0)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    fit(model, Batches(sentences, 20, pad, seed=0), elmo_loss, optimizer, FitConfig(steps=150))
    total, count = model.loss(*(x.to(device) for x in pad(sentences)))
    # forwards: the first word costs log 2, the rest nothing; backwards: word 1 given word 2 costs log 2
    assert total.item() / 80 == pytest.approx(2 * math.log(2), abs=0.02)
    assert int(count) == 80 * 6


def test_a_checkpoint_continues_and_gives_the_same_layers(batch, device, tmp_path):
    def new():
        torch.manual_seed(0)
        return Elmo(ElmoConfig(V, 6, 9, dropout=0.2)).to(device)

    def train(model, steps, path):
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        data = Batches(SENTENCES, 2, pad, seed=0)
        fit(model, data, elmo_loss, optimizer, FitConfig(steps=steps), checkpoint=path)
        return model

    straight = train(new(), 8, None)
    train(new(), 5, tmp_path / "half.pt")
    resumed = train(new(), 8, tmp_path / "half.pt")
    torch.testing.assert_close(straight(*batch), resumed(*batch), rtol=0, atol=0)
    other = Elmo(ElmoConfig(V, 6, 9))
    other.load_state_dict({name: value.cpu() for name, value in resumed.state_dict().items()})
    torch.testing.assert_close(
        other.eval()(*(x.cpu() for x in batch)), resumed(*batch).cpu(), rtol=1e-5, atol=1e-6
    )


# ------------------------------------------------------------------ in a task model


def labelled(device):
    """The label of a word is whether the sentence's other word is even: only the context tells."""
    sentences = [[a, b] for a in range(V) for b in range(V)]
    labels = torch.tensor([[b % 2, a % 2] for a, b in sentences])
    return (*pad(sentences), labels)


@pytest.mark.parametrize("where", [(), ("input",), ("output",), ("input", "output")])
def test_each_place_gets_the_mixed_layers_beside_its_own_vectors(model, batch, device, where):
    torch.manual_seed(1)
    tagger = ElmoTagger(model, 3, 5, torch.randn(V, 4), where=where, dropout=0.0).double().to(device)
    layers = model(*batch)
    x = tagger.words(batch[0])
    if "input" in where:
        x = torch.cat([x, layers.mean(0)], -1)
    h = tagger.lstm(x, batch[1])
    if "output" in where:
        h = torch.cat([h, layers.mean(0)], -1)
    torch.testing.assert_close(tagger(*batch), tagger.output(h), rtol=1e-12, atol=1e-12)
    assert set(tagger.mixes) == set(where)


def test_a_frozen_bilm_gets_no_gradient_and_no_dropout_and_the_mix_gets_one(batch, device):
    torch.manual_seed(1)
    elmo = Elmo(replace(ElmoConfig.tiny(V), dropout=0.5)).to(device)
    tagger = ElmoTagger(elmo, 2, 5, torch.randn(V, 4), dropout=0.0).to(device).train()
    labels = torch.full_like(batch[0], -1)
    labels[0, :3] = 1
    total, count = tagger.loss(*batch, labels)
    assert int(count) == 3
    total.backward()
    assert all(p.grad is None for p in elmo.parameters())
    assert all(float(mix.logits.grad.abs().sum()) > 0 for mix in tagger.mixes.values())
    torch.testing.assert_close(tagger(*batch), tagger(*batch), rtol=0, atol=0)
    tuned = ElmoTagger(elmo, 2, 5, torch.randn(V, 4), frozen=False).to(device)
    tuned.loss(*batch, labels)[0].backward()
    assert elmo.inputs.weight.grad is not None


def test_unlabelled_and_padded_words_never_change_the_taggers_loss(model, batch, device):
    torch.manual_seed(1)
    tagger = ElmoTagger(model, 2, 5, torch.randn(V, 4), dropout=0.0).double().to(device)
    labels = torch.where(torch.arange(5, device=device) < batch[1].unsqueeze(1), batch[0] % 2, -1)
    wider = F.pad(batch[0], (0, 2), value=4), batch[1], F.pad(labels, (0, 2), value=-1)
    torch.testing.assert_close(tagger.loss(*batch, labels), tagger.loss(*wider), rtol=1e-12, atol=1e-12)


def test_the_tagger_learns_through_fit(device):
    torch.manual_seed(0)
    ids, lengths, labels = labelled(device)
    tagger = ElmoTagger(Elmo(ElmoConfig.tiny(V)), 2, 12, torch.randn(V, 4), dropout=0.0).to(device)
    data = Batches(range(len(ids)), 48, lambda rows: (ids[rows], lengths[rows], labels[rows]), seed=0)
    optimizer = torch.optim.Adam([p for p in tagger.parameters() if p.requires_grad], lr=0.02)
    fit(tagger, data, tagging_loss, optimizer, FitConfig(steps=100))
    guesses = tagger(ids.to(device), lengths.to(device)).argmax(-1).cpu()
    assert float((guesses == labels).float().mean()) > 0.95


def test_bad_input_is_refused_by_name(model, batch):
    with pytest.raises(ValueError, match=r"^vocab_size must be 1 or more, got 0"):
        ElmoConfig(0)
    with pytest.raises(ValueError, match=r"^hidden_size must be embedding_size \(512\) or more, got 8"):
        ElmoConfig(5, hidden_size=8)
    with pytest.raises(ValueError, match=r"^dropout must"):
        ElmoConfig(5, dropout=1.0)
    ids, lengths = (x.cpu() for x in batch)
    model = model.cpu()
    with pytest.raises(
        ValueError, match=r"^input_ids must be \(B, T\) and lengths \(B,\), got \[3\] and \[1\]"
    ):
        model(torch.ones(3, dtype=torch.int64), torch.tensor([1]))
    with pytest.raises(ValueError, match=r"^input_ids must be \(B, T\) and lengths"):
        model(ids, lengths[:2])
    with pytest.raises(ValueError, match=r"^input_ids must be integers, got torch.float64"):
        model(ids.double(), lengths)
    with pytest.raises(ValueError, match=r"^lengths must be from 1 to 5, got 0 to 6"):
        model(ids, torch.tensor([0, 6, 1, 2]))
    with pytest.raises(ValueError, match=r"^input_ids must lie in 0\.\.11, got 12"):
        model(ids + 1, lengths)
    with pytest.raises(ValueError, match=r"^where must hold only"):
        ElmoTagger(model, 2, 3, torch.zeros(V, 2), where=("middle",))
    with pytest.raises(ValueError, match=r"^vectors must be \(12, E\)"):
        ElmoTagger(model, 2, 3, torch.zeros(3, 2))
