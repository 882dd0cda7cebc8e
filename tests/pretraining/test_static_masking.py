"""Masks drawn once, ten times or for each epoch: how many differ, and that nothing else does."""

import pytest
import torch

from course_lib.pretraining.bert import BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Special, collate, single
from course_lib.pretraining.masking import VocabFacts
from course_lib.pretraining.static_masking import MaskedBatches, distinct_masks, given_masks_loss, mean_loss
from course_lib.pretraining.tasks import MaskedLM, masked_lm_loss
from course_lib.training.fit import FitConfig, fit

V = 60
SPECIAL = Special(0, 1, 2)
TASK = MaskedLM(VocabFacts(V, 3, (0, 1, 2, 3)))


def texts(count=12, length=40):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, V, (count, length), generator=generator)
    return [single(row[: length - i].tolist(), SPECIAL) for i, row in enumerate(ids)]


@pytest.mark.parametrize(("copies", "expected"), [(1, 1), (10, 10), (None, 40)])
def test_a_sentence_shows_as_many_masks_as_there_are_copies(copies, expected):
    data = MaskedBatches(texts(), 4, TASK, copies=copies)
    assert distinct_masks(data, 40) == [expected] * 12


def test_ten_masks_in_forty_epochs_come_four_times_each():
    data = MaskedBatches(texts(), 4, TASK, copies=10)
    shown = [data.copy(number) for number in range(40)]
    assert all(shown.count(copy) == 4 for copy in range(10))


def test_a_static_mask_also_keeps_what_stands_in_its_place():
    data = MaskedBatches(texts(), 4, TASK, copies=1)
    first, last = data.corruption(0), data.corruption(39)
    assert all((a == b).all() for a, b in zip(first, last, strict=True))
    assert (first.inputs != first.targets).any()


def test_all_kinds_show_the_same_texts_in_the_same_order():
    kinds = [MaskedBatches(texts(), 4, TASK, copies=copies, seed=5) for copies in (1, 10, None)]
    for number in (0, 3):
        streams = [list(data.epoch(number)) for data in kinds]
        for batches in zip(*streams, strict=True):
            for batch, _ in batches[1:]:
                assert (batch.input_ids == batches[0][0].input_ids).all()
    a, b, c = ([m for _, m in data.epoch(0)] for data in kinds)
    assert all((x.counts == y.counts).all() for x, y in zip(a, b, strict=True))
    assert all((x.counts == y.counts).all() for x, y in zip(a, c, strict=True))


def test_a_batch_is_the_texts_with_their_own_masks_and_no_column_of_padding():
    examples = texts()
    data = MaskedBatches(examples, 3, TASK, copies=2, seed=1)
    whole = data.corruption(1)
    by_text = {tuple(e.ids): i for i, e in enumerate(examples)}
    seen = []
    for batch, corruption in data.epoch(1):
        assert batch.attention_mask.any(0).all()
        for ids, mask, inputs, counts in zip(
            batch.input_ids, batch.attention_mask, corruption.inputs, corruption.counts, strict=True
        ):
            row = by_text[tuple(ids[mask].tolist())]
            n = len(examples[row])
            assert (inputs[:n] == whole.inputs[row, :n]).all()
            assert (counts[:n] == whole.counts[row, :n]).all()
            assert not counts[n:].any()
            seen.append(row)
    assert sorted(seen) == list(range(len(examples)))


def test_an_epoch_goes_on_where_it_was_left_and_repeats_itself():
    data = MaskedBatches(texts(), 2, TASK)
    whole, rest = list(data.epoch(7)), list(data.epoch(7, 4))
    assert len(whole) == len(data) == 6
    for (_, a), (_, b) in zip(whole[4:], rest, strict=True):
        assert (a.inputs == b.inputs).all()


def test_word_numbers_travel_with_their_texts():
    examples = [
        single([4, 5, 6, 7], SPECIAL, word_ids=[0, 0, 1, 1]),
        single([8, 9], SPECIAL, word_ids=[0, 0]),
    ]
    data = MaskedBatches(examples, 2, MaskedLM(TASK.facts, 0.5, whole_words=True))
    for number in range(8):
        for batch, corruption in data.epoch(number):
            for words, counts in zip(batch.word_ids, corruption.counts, strict=True):
                for word in range(2):
                    pieces = counts[words == word]
                    assert pieces.all() or not pieces.any()


def test_the_mean_loss_is_that_of_all_words_together(device):
    torch.manual_seed(0)
    model = BertForPreTraining(BertConfig.small(V, hidden_size=32), next_sentence=False).to(device).eval()
    data = MaskedBatches(texts(), 5, TASK)
    together = 0.0
    count = 0
    for number in (0, 1):
        corruption = type(data.corruption(number))(*(x.to(device) for x in data.corruption(number)))
        batch = collate(texts())
        batch = type(batch)(*(None if x is None else x.to(device) for x in batch))
        words = int(corruption.counts.sum())
        together += float(masked_lm_loss(model, batch, corruption)[0].detach()) * words
        count += words
    assert mean_loss(model, [*data.epoch(0), *data.epoch(1)]) == pytest.approx(together / count, rel=1e-5)


def test_a_model_learns_its_static_masks_by_heart_and_not_the_others(device):
    torch.manual_seed(0)
    model = BertForPreTraining(BertConfig.tiny(V), next_sentence=False).to(device)
    examples = [single(torch.randint(4, V, (10,)).tolist(), SPECIAL) for _ in range(16)]
    static = MaskedBatches(examples, 8, TASK, copies=1)
    fit(model, static, given_masks_loss, torch.optim.Adam(model.parameters(), lr=0.02), FitConfig(steps=200))
    fresh = MaskedBatches(examples, 8, TASK, seed=9)
    assert mean_loss(model, static.epoch(0)) < 0.3
    assert mean_loss(model, fresh.epoch(0)) > 3.0


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="copies must be 1 or more, or None"):
        MaskedBatches(texts(), 4, TASK, copies=0)
    with pytest.raises(ValueError, match="batch_size must be 1 or more"):
        MaskedBatches(texts(), 0, TASK)
    with pytest.raises(ValueError, match="at least one"):
        MaskedBatches([], 4, TASK)
