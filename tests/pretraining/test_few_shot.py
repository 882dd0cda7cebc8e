"""A mapping that only the prompt tells."""

from types import SimpleNamespace

import pytest
import torch

from course_lib.pretraining.few_shot import Episodes, LookUp, in_context_accuracy, shuffle_labels
from course_lib.pretraining.gpt import GPT, GPTConfig, lm_loss
from course_lib.training.fit import FitConfig, fit

TASK = LookUp(inputs=6, labels=4)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_text_answers_by_its_own_mapping():
    mappings = TASK.mappings(50, generator())
    texts = TASK.texts(mappings, 7, generator(1))
    assert texts.shape == (50, 16)
    x, y = texts[:, 0::2], texts[:, 1::2]
    assert torch.equal(y, mappings.gather(1, x))
    assert (int(x.min()), int(x.max()), int(y.min()), int(y.max())) == (0, 5, 6, 9)
    assert len({tuple(m) for m in mappings.tolist()}) > 45


def test_the_best_accuracy_is_what_a_perfect_reader_reaches():
    for shots in (0, 1, 5):
        texts = TASK.texts(TASK.mappings(40_000, generator(2)), shots, generator(3))
        shown = (texts[:, :-2:2] == texts[:, -2:-1]).any(-1)
        by_reading = shown.float().mean() + (~shown).float().mean() / TASK.labels
        assert float(by_reading) == pytest.approx(TASK.best_accuracy(shots), abs=0.01)
    assert TASK.best_accuracy(0) == 1 / 4


def test_shuffled_prompts_keep_inputs_labels_and_the_question():
    texts = TASK.texts(TASK.mappings(200, generator()), 8, generator(1))
    shuffled = shuffle_labels(texts, generator(2))
    assert torch.equal(shuffled[:, 0::2], texts[:, 0::2])
    assert torch.equal(shuffled[:, -1], texts[:, -1])
    assert torch.equal(shuffled[:, 1:-1:2].sort(-1).values, texts[:, 1:-1:2].sort(-1).values)
    assert float((shuffled == texts).float().mean()) < 0.8
    assert shuffled.data_ptr() != texts.data_ptr()


def test_batches_depend_on_seed_epoch_and_number_alone():
    data = Episodes(TASK, 3, 4, seed=5, batches=3)
    first = [b["input_ids"] for b in data.epoch(2)]
    assert all(torch.equal(a, b["input_ids"]) for a, b in zip(first[1:], data.epoch(2, start=1), strict=True))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], next(data.epoch(3))["input_ids"])
    batch = next(data.epoch(0))
    assert batch["counts"][0].tolist() == [False, True] * 4


def test_one_shared_mapping_is_in_every_text():
    mapping = TASK.mappings(1, generator())[0]
    ids = next(Episodes(TASK, 5, 9, seed=0, mapping=mapping).epoch(0))["input_ids"]
    assert torch.equal(ids[:, 1::2], mapping[ids[:, 0::2]])


class Reader(torch.nn.Module):
    """A perfect reader in the place of a GPT: the label after the question's last occurrence."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(TASK.vocab_size, 1)

    def forward(self, ids):
        states = torch.zeros(*ids.shape, TASK.vocab_size)
        same = ids[:, :-1:2] == ids[:, -1:]
        for row in range(len(ids)):
            for place in same[row].nonzero().flatten().tolist():
                states[row, -1, ids[row, 2 * place + 1]] = 1.0
        return SimpleNamespace(last_hidden_state=states)

    def logits(self, states):
        return states


def test_accuracy_asks_for_the_last_label_and_hides_it():
    texts = TASK.texts(TASK.mappings(300, generator()), 6, generator(1))
    shown = (texts[:, :-2:2] == texts[:, -2:-1]).any(-1)
    assert in_context_accuracy(Reader(), TASK, texts[shown]) == 1.0
    assert in_context_accuracy(Reader(), TASK, texts[~shown]) < 0.5


def test_one_mapping_for_all_is_learned_by_heart_and_fails_on_others(device):
    task = LookUp(4, 4)
    mapping = task.mappings(1, generator(1))[0]
    torch.manual_seed(0)
    model = GPT(GPTConfig.tiny(task.vocab_size)).to(device)
    data = Episodes(task, 3, 32, seed=0, mapping=mapping)
    fit(model, data, lm_loss, torch.optim.Adam(model.parameters(), lr=1e-2), FitConfig(steps=60))
    own = task.texts(mapping.expand(200, -1), 0, generator(2))
    assert in_context_accuracy(model, task, own) == 1.0
    others = task.texts(task.mappings(200, generator(3)), 3, generator(4))
    assert in_context_accuracy(model, task, others) < 0.5


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="inputs must be 2 or more, got 1"):
        LookUp(1, 4)
    with pytest.raises(ValueError, match="shots must be 0 or more, got -1"):
        TASK.texts(TASK.mappings(1, generator()), -1, generator())
