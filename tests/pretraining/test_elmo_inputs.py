"""ELMo's character network: a vector for every spelling, seen or not."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.nn.masks import pad
from course_lib.pretraining import elmo_inputs
from course_lib.pretraining.elmo import Elmo, ElmoConfig
from course_lib.pretraining.elmo_inputs import CharacterCNN, CharacterConfig, CharacterInputs, Highway, spell

WORDS = ["the", "cat", "a", "naïve", "unbelievable", "猫"]


@pytest.fixture
def cnn(device):
    torch.manual_seed(0)
    return CharacterCNN(CharacterConfig.tiny()).double().to(device)


def test_a_word_is_spelled_in_bytes_between_two_marks():
    rows = spell(["ab", "猫", "unbelievable"], 8)
    assert rows[0].tolist() == [257, 98, 99, 258, 0, 0, 0, 0]
    assert rows[1, :5].tolist() == [257, *(byte + 1 for byte in "猫".encode()), 258]
    assert rows[2].tolist() == [257, *(ord(c) + 1 for c in "unbeli"), 258]
    marks = elmo_inputs.boundary_spellings(4).tolist()
    assert marks == [[257, 259, 258, 0], [257, 260, 258, 0]]


def test_no_letter_shares_an_id_with_a_mark_or_the_padding():
    letters = {byte + 1 for byte in range(256)}
    marks = {elmo_inputs.PAD, elmo_inputs.WORD_START, elmo_inputs.WORD_END}
    marks |= {elmo_inputs.SENTENCE_START, elmo_inputs.SENTENCE_END}
    assert len(letters | marks) == elmo_inputs.ALPHABET
    assert max(letters | marks) == elmo_inputs.ALPHABET - 1


@pytest.mark.oracle
def test_the_network_and_its_gradients_are_torchs_convolutions_word_by_word(cnn, device):
    """Each filter slides over the unpadded word; zeros stand behind it, as far as a window reaches."""
    ours = cnn(spell(WORDS, 12).to(device))
    weight = torch.randn_like(ours)
    parameters = list(cnn.parameters())
    gradients = torch.autograd.grad((ours * weight).sum(), parameters)
    rows = []
    for spelled in spell(WORDS, 12).to(device):
        x = F.embedding(spelled[spelled > 0], cnn.characters.weight)  # (length, C)
        pooled = []
        for conv in cnn.convolutions:
            width = conv.kernel_size[0]
            padded = F.pad(x, (0, 0, 0, width - 1))
            windows = [(conv.weight * padded[i : i + width].T).sum((1, 2)) + conv.bias for i in range(len(x))]
            pooled.append(torch.stack(windows).relu().amax(0))
        y = torch.cat(pooled)
        for highway in cnn.highways:
            gate = F.linear(y, highway.gate.weight, highway.gate.bias).sigmoid()
            y = gate * F.linear(y, highway.transform.weight, highway.transform.bias).relu() + (1 - gate) * y
        rows.append(F.linear(y, cnn.projection.weight, cnn.projection.bias))
    expected = torch.stack(rows)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    theirs = torch.autograd.grad((expected * weight).sum(), parameters)
    torch.testing.assert_close(gradients, theirs, rtol=1e-9, atol=1e-9)


def test_padding_never_changes_a_words_vector(cnn, device):
    narrow, wide = spell(["cat", "a"], 6).to(device), spell(["cat", "a"], 30).to(device)
    torch.testing.assert_close(cnn(narrow), cnn(wide), rtol=1e-12, atol=1e-12)


def test_a_highway_with_a_closed_gate_carries_and_with_an_open_one_transforms():
    torch.manual_seed(0)
    x, highway = torch.randn(3, 4), Highway(4)
    for bias, expected in ((-60.0, x), (60.0, highway.transform(x).relu())):
        nn.init.zeros_(highway.gate.weight)
        nn.init.constant_(highway.gate.bias, bias)
        torch.testing.assert_close(highway(x), expected)


def test_the_papers_network_has_2048_filters_two_highways_and_512_outputs():
    cnn = CharacterCNN(CharacterConfig())
    assert sum(conv.out_channels for conv in cnn.convolutions) == 2048
    assert len(cnn.highways) == 2
    assert cnn(spell(["word"])).shape == (1, 512)


def test_spellings_feed_the_bilm_and_an_unseen_word_gets_a_vector(device):
    torch.manual_seed(0)
    inputs = CharacterInputs(WORDS, CharacterConfig.tiny())
    model = Elmo(ElmoConfig.tiny(len(WORDS)), inputs).double().to(device)
    ids, lengths = (x.to(device) for x in pad([[0, 1, 2], [3, 5]]))
    x, _, _ = model.states(ids, lengths)
    alone = inputs.cnn(inputs.spellings)
    torch.testing.assert_close(x[0], alone[[6, 0, 1, 2, 7]], rtol=1e-12, atol=1e-12)
    model.loss(ids, lengths)[0].backward()
    assert float(inputs.cnn.characters.weight.grad[elmo_inputs.SENTENCE_START].abs().sum()) > 0
    assert float(inputs.cnn.characters.weight.grad[elmo_inputs.PAD].abs().sum()) == 0
    assert inputs.cnn(spell(["believable"], 12).to(device)).shape == (1, 6)
    again = Elmo(model.config, CharacterInputs(WORDS, CharacterConfig.tiny())).double().to(device)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again(ids, lengths), model(ids, lengths), rtol=0, atol=0)


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^words must have at least one character"):
        spell(["a", ""])
    with pytest.raises(ValueError, match=r"^max_characters must be 3 or more, got 2"):
        CharacterConfig(max_characters=2)
    with pytest.raises(ValueError, match=r"^filters must be pairs"):
        CharacterConfig(filters=((0, 3),))
    with pytest.raises(ValueError, match=r"^output_size must be 1 or more, got 0"):
        CharacterConfig(0)
    with pytest.raises(ValueError, match=r"^highway_layers must be 0 or more"):
        CharacterConfig(highway_layers=-1)
    with pytest.raises(ValueError, match=r"^inputs must have vocab_size 5 like config, got 6"):
        Elmo(ElmoConfig.tiny(5), CharacterInputs(WORDS, CharacterConfig.tiny()))
    with pytest.raises(ValueError, match=r"^inputs must have embedding_size 6 like config, got 4"):
        Elmo(ElmoConfig.tiny(6), CharacterInputs(WORDS, CharacterConfig.tiny(4)))
