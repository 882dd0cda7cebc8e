"""Heads against transformers: logits, losses, gradients; labels that do not count; answers that are spans."""

import itertools

import pytest
import torch

from course_lib.pretraining.answers import best_spans
from course_lib.pretraining.bert import Bert, BertConfig
from course_lib.pretraining.examples import (
    NO_LABEL,
    Special,
    collate,
    collate_choices,
    label_first_pieces,
    pair,
    single,
)
from course_lib.pretraining.heads import (
    MultipleChoice,
    SequenceClassifier,
    SpanExtractor,
    TokenClassifier,
    head_loss,
)
from course_lib.pretraining.roberta import Roberta
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

transformers = pytest.importorskip("transformers")
V, T, C = 30, 9, 3
SPECIAL = Special(0, 1, 2)
SIZES = {
    "vocab_size": V, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 12,
}  # fmt: skip


def theirs(kind: str, device, dtype=torch.float64, **options):
    torch.manual_seed(0)
    config = transformers.BertConfig(**SIZES, attn_implementation="eager", **options)
    model = getattr(transformers, kind)(config).to(device, dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.fixture
def batch(attention_mask, device):
    ids = torch.randint(4, V, (3, T), generator=torch.Generator().manual_seed(1)).to(device)
    types = (torch.arange(T, device=device) > 4).long().expand(3, T)
    return ids.masked_fill(~attention_mask, 0), attention_mask, types


def assert_same(ours, other, logits, expected, loss, expected_loss):
    """Logits, mean loss, and the gradients of first and last weights and of all together."""
    torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-9, atol=1e-9)
    loss.backward()
    expected_loss.backward()
    mine, his = dict(ours.named_parameters()), dict(other.named_parameters())
    last = "qa_outputs" if "qa_outputs.weight" in his else "classifier"
    for a, b in [
        ("encoder.embeddings.words.weight", "bert.embeddings.word_embeddings.weight"),
        ("encoder.encoder.layers.0.attention.key.weight", "bert.encoder.layer.0.attention.self.key.weight"),
        ("classifier.weight", f"{last}.weight"),
        ("classifier.bias", f"{last}.bias"),
    ]:
        torch.testing.assert_close(mine[a].grad, his[b].grad, rtol=1e-9, atol=1e-9)
    total = [
        sum(float(p.grad.square().sum()) for p in m.parameters() if p.grad is not None) for m in (ours, other)
    ]
    assert total[0] == pytest.approx(total[1], rel=1e-9)


@pytest.mark.oracle
def test_a_label_for_a_text_is_that_of_transformers(batch, device):
    ids, mask, types = batch
    other = theirs("BertForSequenceClassification", device, num_labels=C)
    ours = SequenceClassifier.from_transformers(other)
    labels = torch.tensor([2, 0, 1], device=device)
    expected = other(ids, mask.long(), types, labels=labels)
    logits = ours(ids, mask, types)
    total, count = ours.loss(logits, labels)
    assert int(count) == 3
    assert_same(ours, other, logits, expected.logits, total / count, expected.loss)


@pytest.mark.oracle
def test_a_score_for_a_pair_is_that_of_transformers(batch, device):
    ids, mask, types = batch
    other = theirs("BertForSequenceClassification", device, num_labels=1)
    ours = SequenceClassifier.from_transformers(other)
    labels = torch.tensor([0.5, 3.0, -1.0], device=device, dtype=torch.float64)
    expected = other(ids, mask.long(), types, labels=labels)
    logits = ours(ids, mask, types)
    total, count = ours.loss(logits, labels)
    assert_same(ours, other, logits, expected.logits, total / count, expected.loss)


@pytest.mark.oracle
def test_a_label_for_each_token_is_that_of_transformers(batch, device):
    ids, mask, types = batch
    other = theirs("BertForTokenClassification", device, num_labels=C)
    ours = TokenClassifier.from_transformers(other)
    labels = (ids % C).masked_fill(~mask | (ids % 4 == 1), NO_LABEL)
    expected = other(ids, mask.long(), types, labels=labels)
    logits = ours(ids, mask, types)
    total, count = ours.loss(logits, labels)
    assert int(count) == int((labels != NO_LABEL).sum()) < labels.numel()
    assert_same(ours, other, logits, expected.logits, total / count, expected.loss)


@pytest.mark.oracle
def test_start_and_end_of_an_answer_are_those_of_transformers(batch, device):
    ids, mask, types = batch
    other = theirs("BertForQuestionAnswering", device)
    ours = SpanExtractor.from_transformers(other)
    labels = torch.tensor([[5, 7], [T, T], [8, 8]], device=device)  # T: transformers' sign for no label
    expected = other(ids, mask.long(), types, start_positions=labels[:, 0], end_positions=labels[:, 1])
    logits = ours(ids, mask, types)
    theirs_logits = torch.stack([expected.start_logits, expected.end_logits], dim=-1)
    torch.testing.assert_close(logits[mask], theirs_logits[mask], rtol=1e-9, atol=1e-9)
    if mask.all():  # with padding transformers gives it probability, and we do not
        total, count = ours.loss(logits, labels.masked_fill(labels == T, NO_LABEL))
        assert int(count) == 2
        assert_same(ours, other, logits, theirs_logits, total / count, expected.loss)


@pytest.mark.oracle
def test_the_best_of_several_choices_is_that_of_transformers(batch, device):
    ids, mask, types = batch
    ids = torch.stack([ids, ids.flip(0)], dim=1)  # (3, 2, T)
    mask, types = torch.stack([mask, mask.flip(0)], dim=1), types.unsqueeze(1).repeat(1, 2, 1)
    other = theirs("BertForMultipleChoice", device)
    ours = MultipleChoice.from_transformers(other)
    labels = torch.tensor([1, 0, 1], device=device)
    expected = other(ids, mask.long(), types, labels=labels)
    logits = ours(ids, mask, types)
    total, count = ours.loss(logits, labels)
    assert_same(ours, other, logits, expected.logits, total / count, expected.loss)


@pytest.mark.oracle
@pytest.mark.parametrize("head", [SequenceClassifier, TokenClassifier, SpanExtractor, MultipleChoice])
def test_each_head_stands_on_roberta_too(head, device):
    torch.manual_seed(0)
    sizes = {**SIZES, "max_position_embeddings": 14, "num_labels": 2 if head is SpanExtractor else C}
    config = transformers.RobertaConfig(**sizes, type_vocab_size=1, pad_token_id=1)
    kind = head.auto_class.replace("AutoModel", "Roberta")
    other = getattr(transformers, kind)(config).double().to(device).eval()
    ours = head.from_transformers(other, encoder_class=Roberta)
    ids = torch.randint(4, V, (2, 3, T), generator=torch.Generator().manual_seed(6)).to(device)
    ids = ids if head is MultipleChoice else ids[:, 0]
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[..., 6:], ids[..., 6:] = False, 1
    expected = other(input_ids=ids, attention_mask=mask.long())
    if head is SpanExtractor:
        theirs_logits = torch.stack([expected.start_logits, expected.end_logits], dim=-1)[mask]
        torch.testing.assert_close(ours(ids, mask)[mask], theirs_logits, rtol=1e-9, atol=1e-9)
    else:
        torch.testing.assert_close(ours(ids, mask), expected.logits, rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
def test_single_precision_agrees_and_a_folder_loads(tmp_path):
    other = theirs("BertForTokenClassification", "cpu", torch.float32, num_labels=C)
    other.save_pretrained(tmp_path)
    ours = TokenClassifier.from_transformers(tmp_path)
    ids = torch.randint(4, V, (2, T), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(ours(ids), other(ids).logits, rtol=1e-5, atol=1e-5)
    assert not ours.training
    assert ours.num_labels == C


def test_a_pretrained_folder_gives_the_encoder_and_a_fresh_head(tmp_path, caplog):
    other = theirs("BertForPreTraining", "cpu", torch.float32)
    other.save_pretrained(tmp_path)
    with caplog.at_level("WARNING"):
        ours = SequenceClassifier.from_transformers(tmp_path)
    assert "classifier" in caplog.text
    ids = torch.randint(4, V, (2, T), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(
        ours.encoder(ids).pooler_output, other.bert(ids).pooler_output, rtol=1e-5, atol=1e-5
    )
    with pytest.raises(ValueError, match=r"source must fit SequenceClassifier: it lacks .*classifier"):
        SequenceClassifier.from_transformers(other.bert)
    with pytest.raises(ValueError, match="source must be a bert model of transformers, got Linear"):
        SequenceClassifier.from_transformers(torch.nn.Linear(2, 2))


@pytest.fixture
def encoder(device):
    torch.manual_seed(0)
    return Bert(BertConfig.tiny(V)).double().to(device).eval()


def on(device, batch):
    return type(batch)(*(None if value is None else value.to(device) for value in batch))


@pytest.mark.parametrize("kind", ["text", "tokens", "span", "choice"])
def test_padding_never_changes_a_loss(kind, encoder, device):
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(4, V, (n,), generator=generator).tolist() for n in (7, 4)]
    examples = [pair(row[:2], row[2:], SPECIAL) for row in rows]
    heads = {
        "text": (SequenceClassifier(encoder, C), [1, 2]),
        "tokens": (TokenClassifier(encoder, C), [[i % C for i in e.ids] for e in examples]),
        "span": (SpanExtractor(encoder), [[4, 6], [4, 4]]),
        "choice": (MultipleChoice(encoder), [0, 0]),
    }
    head, labels = heads[kind]
    head = head.double().to(device).eval()

    def made(which):
        if kind == "choice":
            return collate_choices([[examples[i], examples[i]] for i in which], [labels[i] for i in which])
        batch = collate([examples[i] for i in which])
        own = [labels[i] for i in which]
        if kind == "tokens":
            own = [row + [NO_LABEL] * (batch.input_ids.shape[1] - len(row)) for row in own]
        return batch._replace(labels=torch.tensor(own))

    apart = [head_loss(head, on(device, made([i]))) for i in (0, 1)]
    total, count = head_loss(head, on(device, made([0, 1])))
    torch.testing.assert_close(total, sum(t for t, _ in apart), rtol=1e-12, atol=1e-12)
    assert int(count) == sum(int(n) for _, n in apart)


@pytest.mark.parametrize("head", [SequenceClassifier, TokenClassifier])
def test_labels_that_are_not_there_add_nothing_and_no_nan(head, encoder, device):
    model = head(encoder, C).double().to(device)
    ids = torch.full((2, 4), 5, device=device)
    logits = model(ids)
    total, count = model.loss(logits, torch.full(logits.shape[:-1], NO_LABEL, device=device))
    total.backward()
    assert (float(total.detach()), int(count)) == (0.0, 0)
    score = SequenceClassifier(encoder, 1).double().to(device)
    total, count = score.loss(score(ids), torch.tensor([float("nan"), 2.0], device=device).double())
    assert int(count) == 1
    assert total.isfinite()


def test_an_answer_with_one_end_alone_does_not_count(encoder, device):
    model = SpanExtractor(encoder).double().to(device)
    logits = model(torch.full((2, 4), 5, device=device))
    whole, _ = model.loss(logits[:1], torch.tensor([[1, 2]], device=device))
    total, count = model.loss(logits, torch.tensor([[1, 2], [3, NO_LABEL]], device=device))
    torch.testing.assert_close(total, whole)
    assert int(count) == 1


def test_answers_are_the_best_of_all_valid_spans(device):
    """Every pair of places is tried in plain Python."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40, T, 2, generator=generator, dtype=torch.float64)
    allowed = torch.rand(40, T, generator=generator) < 0.7
    allowed[:, 3] = True
    for longest in (1, 3, T, 30):
        spans = best_spans(logits.to(device), allowed.to(device), max_length=longest)
        for row in range(40):
            score, start, end = max(
                (float(logits[row, s, 0] + logits[row, e, 1]), s, e)
                for s, e in itertools.product(range(T), range(T))
                if s <= e < s + longest and allowed[row, s] and allowed[row, e]
            )
            assert (int(spans.start[row]), int(spans.end[row])) == (start, end)
            assert float(spans.score[row]) == pytest.approx(score)


def test_start_and_end_chosen_one_by_one_would_cross():
    logits = torch.tensor([[[0.0, 5.0], [0.0, 0.0], [5.0, 1.0]]])
    assert logits[0].argmax(0).tolist() == [2, 0]
    spans = best_spans(logits, torch.ones(1, 3, dtype=torch.bool))
    assert (int(spans.start), int(spans.end)) == (2, 2)


def test_a_words_first_piece_carries_its_label():
    first = single([5, 6, 7, 8], SPECIAL, word_ids=[0, 0, 1, 2])
    second = single([9, 9], SPECIAL, word_ids=[0, 1])
    batch = collate([first, second])
    labels = label_first_pieces(batch.word_ids, [[2, 0, 1], [1, 2, 2]])
    n = NO_LABEL
    assert labels.tolist() == [[n, 2, n, 0, 1, n], [n, 1, 2, n, n, n]]
    with pytest.raises(ValueError, match=r"labels must be one a word \(3 in row 0\), got 2"):
        label_first_pieces(batch.word_ids, [[1, 1], [1, 1]])
    with pytest.raises(ValueError, match=r"labels must have one row a text \(2\), got 1"):
        label_first_pieces(batch.word_ids, [[1, 1, 1]])


def test_a_head_learns_through_the_one_loop(device):
    """Whether the first word is above the last: the encoder must be trained with the head."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, V, (256, 2), generator=generator)
    examples = [pair([a], [b], SPECIAL, label=int(a > b)) for a, b in ids.tolist()]
    torch.manual_seed(0)
    model = SequenceClassifier(Bert(BertConfig.tiny(V)), 2).to(device)
    data = Batches(examples, 32, collate, seed=0)
    fit(model, data, head_loss, torch.optim.Adam(model.parameters(), lr=3e-3), FitConfig(steps=250))
    batch = on(device, collate(examples))
    guesses = model(batch.input_ids, batch.attention_mask, batch.token_type_ids).argmax(-1)
    assert float((guesses == batch.labels).float().mean()) > 0.95


def test_bad_input_is_named(encoder, device):
    ids = torch.full((2, 4), 5, device=device)
    model = SequenceClassifier(encoder, C).double().to(device)
    with pytest.raises(ValueError, match="num_labels must be 1 or more, got 0"):
        SequenceClassifier(encoder, 0)
    with pytest.raises(ValueError, match="encoder must have a pooler for MultipleChoice"):
        MultipleChoice(Bert(BertConfig.tiny(V), pooler=False))
    with pytest.raises(ValueError, match=r"labels must be integers \[2\], got torch.float32 \[2\]"):
        model.loss(model(ids), torch.zeros(2, device=device))
    with pytest.raises(ValueError, match=r"labels must be integers \[2\], got torch.int64 \[2, 4\]"):
        model.loss(model(ids), ids)
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2 or be -100, got 3"):
        model.cpu().loss(torch.zeros(1, C), torch.tensor([3]))
    score = SequenceClassifier(encoder, 1)
    with pytest.raises(ValueError, match=r"labels must be floats \[2\] for a regression, got torch.int64"):
        score.loss(torch.zeros(2, 1), torch.tensor([1, 2]))
    with pytest.raises(ValueError, match=r"input_ids must be \(B, K, T\)"):
        MultipleChoice(encoder)(ids)
    logits = torch.zeros(1, 3, 2)
    with pytest.raises(ValueError, match="max_length must be 1 or more, got 0"):
        best_spans(logits, torch.ones(1, 3, dtype=torch.bool), max_length=0)
    with pytest.raises(ValueError, match=r"allowed must be boolean \[1, 3\]"):
        best_spans(logits, torch.ones(1, 3))
    with pytest.raises(ValueError, match="allowed must leave at least one token"):
        best_spans(logits, torch.zeros(1, 3, dtype=torch.bool))
    one = single([5], SPECIAL)
    with pytest.raises(ValueError, match=r"questions must all have the same number of choices"):
        collate_choices([[one, one], [one]], [0, 0])
    with pytest.raises(ValueError, match=r"labels must be one a question \(1\), got 2"):
        collate_choices([[one, one]], [0, 0])
