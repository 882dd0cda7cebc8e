"""BERT against transformers: outputs, losses and gradients; parameter counts; masks and bad input."""

import pytest
import torch
import torch.nn.functional as F

from course_lib.pretraining.bert import Bert, BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Special, TextBatch, collate, pair, single
from course_lib.pretraining.masking import Corruption, VocabFacts
from course_lib.pretraining.tasks import MaskedLM, left_to_right_loss, left_to_right_states, masked_lm_loss

transformers = pytest.importorskip("transformers")
V, T = 30, 9
SPECIAL = Special(0, 1, 2)
FACTS = VocabFacts(V, 3, (0, 1, 2, 3))


def theirs(kind: str, dtype: torch.dtype = torch.float64, **options):
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=V, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=12, attn_implementation="eager", **options,
    )  # fmt: skip
    model = getattr(transformers, kind)(config).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms away from 0 and 1, so that they matter
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.fixture
def batch(attention_mask, device):
    ids = torch.randint(4, V, (3, T), generator=torch.Generator().manual_seed(1)).to(device)
    types = (torch.arange(T, device=device) > 4).long().expand(3, T)
    return ids.masked_fill(~attention_mask, 0), attention_mask, types


@pytest.mark.oracle
@pytest.mark.parametrize("act", ["gelu", "gelu_new", "relu"])
def test_states_pooler_and_maps_are_those_of_transformers(batch, device, act):
    ids, mask, types = batch
    other = theirs("BertModel", hidden_act=act).to(device)
    ours = Bert.from_transformers(other)
    out = ours(ids, mask, types, output_hidden_states=True, output_attentions=True)
    expected = other(
        ids, mask.long(), types, output_hidden_states=True, output_attentions=True, return_dict=True
    )
    fused = ours(ids, mask, types).last_hidden_state
    for a, b in [
        (out.last_hidden_state, expected.last_hidden_state),
        (fused, expected.last_hidden_state),
        (out.pooler_output, expected.pooler_output),
        *zip(out.hidden_states, expected.hidden_states, strict=True),
    ]:
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    for a, b in zip(out.attentions, expected.attentions, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
def test_single_precision_agrees_to_1e_5(batch, device):
    ids, mask, types = batch
    other = theirs("BertForPreTraining", torch.float32).to(device)
    words, pairs = BertForPreTraining.from_transformers(other)(ids, mask, types)
    expected = other(ids, mask.long(), types)
    torch.testing.assert_close(words, expected.prediction_logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(pairs, expected.seq_relationship_logits, rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
def test_pre_training_losses_and_every_gradient_are_those_of_transformers(batch, device):
    ids, mask, types = batch
    other = theirs("BertForPreTraining").to(device)
    ours = BertForPreTraining.from_transformers(other)
    counts = mask & (torch.rand(ids.shape, generator=torch.Generator().manual_seed(2)) < 0.4).to(device)
    counts[0, 0] = True
    inputs = ids.masked_fill(counts, 3)
    follows = torch.tensor([0, 1, 1], device=device)
    expected = other(
        inputs, mask.long(), types, labels=ids.masked_fill(~counts, -100), next_sentence_label=follows
    )
    loss, count, parts = masked_lm_loss(
        ours, TextBatch(ids, mask, types, follows, None), Corruption(inputs, ids, counts), next_sentence=True
    )
    torch.testing.assert_close(loss, expected.loss, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(parts["masked_lm"] + parts["next_sentence"], loss.detach())
    assert count == 1
    loss.backward()
    expected.loss.backward()
    pairs = {
        "bert.embeddings.words.weight": "bert.embeddings.word_embeddings.weight",
        "bert.embeddings.positions.table.weight": "bert.embeddings.position_embeddings.weight",
        "bert.encoder.layers.0.attention.query.weight": "bert.encoder.layer.0.attention.self.query.weight",
        "bert.encoder.layers.1.around_attention.norm.bias":
            "bert.encoder.layer.1.attention.output.LayerNorm.bias",
        "masked_lm.bias": "cls.predictions.bias",
        "bert.pooler.weight": "bert.pooler.dense.weight",
        "next_sentence.weight": "cls.seq_relationship.weight",
    }  # fmt: skip
    mine, his = dict(ours.named_parameters()), dict(other.named_parameters())
    for a, b in pairs.items():
        torch.testing.assert_close(mine[a].grad, his[b].grad, rtol=1e-9, atol=1e-9)
    total = [sum(float(p.grad.square().sum()) for p in m.parameters()) for m in (ours, other)]
    assert total[0] == pytest.approx(total[1], rel=1e-9)


@pytest.mark.oracle
def test_masked_lm_alone_is_transformers_masked_lm(batch, device):
    ids, mask, types = batch
    other = theirs("BertForMaskedLM").to(device)
    ours = BertForPreTraining.from_transformers(other, next_sentence=False)
    words, pairs = ours(ids, mask, types)
    assert pairs is None
    torch.testing.assert_close(words, other(ids, mask.long(), types).logits, rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
def test_left_to_right_is_transformers_bert_as_a_decoder(device):
    generator = torch.Generator().manual_seed(4)
    rows = [torch.randint(4, V, (n,), generator=generator).tolist() for n in (7, 4)]
    batch = on(device, collate([single(row, SPECIAL) for row in rows]))
    other = theirs("BertLMHeadModel", is_decoder=True).to(device)
    ours = BertForPreTraining.from_transformers(other, next_sentence=False)
    logits = other(batch.input_ids, batch.attention_mask.long()).logits[:, :-1]
    labels = batch.input_ids.masked_fill(~batch.attention_mask, -100)[:, 1:]
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten())  # theirs rounds to float32
    total, count = left_to_right_loss(ours, batch)
    assert int(count) == 8 + 5
    torch.testing.assert_close(total / count, expected, rtol=1e-9, atol=1e-9)
    (total / count).backward()
    expected.backward()
    torch.testing.assert_close(
        ours.bert.embeddings.words.weight.grad,
        other.bert.embeddings.word_embeddings.weight.grad,
        rtol=1e-9,
        atol=1e-9,
    )


def test_a_causal_state_knows_nothing_of_later_words(model, device):
    ids = torch.randint(4, V, (1, 6), generator=torch.Generator().manual_seed(5)).to(device)
    other = ids.clone()
    other[0, 3] = 4 + (other[0, 3] - 3) % (V - 4)
    batches = [TextBatch(x, x > 0, torch.zeros_like(x), x[:, 0], None) for x in (ids, other)]
    a, b = (left_to_right_states(model.bert, batch)[0] for batch in batches)
    assert ((a - b).abs().amax(-1) > 0).tolist() == [False] * 3 + [True] * 3
    a, b = (model.bert(x).last_hidden_state[0] for x in (ids, other))
    assert ((a - b).abs().amax(-1) > 0).all()


def test_parameter_counts_are_the_published_ones():
    def count(model: torch.nn.Module) -> int:
        return sum(p.numel() for p in model.parameters())

    with torch.device("meta"):
        assert count(Bert(BertConfig())) == 109_482_240
        assert count(Bert(BertConfig.large())) == 335_141_888
        assert count(BertForPreTraining(BertConfig())) == 110_106_428
        assert count(BertForPreTraining(BertConfig(), next_sentence=False)) == 109_514_298


@pytest.fixture
def model(device):
    torch.manual_seed(0)
    return BertForPreTraining(BertConfig.tiny(V)).to(device).eval()


def on(device, batch):
    return type(batch)(*(None if value is None else value.to(device) for value in batch))


def test_padding_never_changes_the_loss(model, device):
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(4, V, (n,), generator=generator).tolist() for n in (6, 3)]
    examples = [pair(row[:2], row[2:], SPECIAL, label=i) for i, row in enumerate(rows)]
    whole = on(device, collate(examples))
    counts = FACTS.maskable(whole.input_ids)
    loss, n = 0.0, 0
    for i, example in enumerate(examples):
        alone = on(device, collate([example]))
        states = model.bert(alone.input_ids, alone.attention_mask, alone.token_type_ids).last_hidden_state
        part, number = model.masked_lm_loss(states, alone.input_ids, counts[i : i + 1, : len(example)])
        loss, n = loss + part, n + number
    states = model.bert(whole.input_ids, whole.attention_mask, whole.token_type_ids).last_hidden_state
    together, number = model.masked_lm_loss(states, whole.input_ids, counts)
    torch.testing.assert_close(together, loss)
    assert int(number) == int(n) == 9


def test_the_loss_computes_logits_at_chosen_positions_alone(model, device):
    rows = []
    model.masked_lm.register_forward_hook(lambda module, inputs, output: rows.append(output.shape))
    batch = on(device, collate([single([5, 6, 7, 8], SPECIAL), single([9], SPECIAL)]))
    torch.manual_seed(0)
    task = MaskedLM(FACTS)
    task(model, batch)
    torch.manual_seed(0)
    assert rows == [(int(task.corrupt(batch).counts.sum()), V)]


def test_a_batch_without_chosen_words_has_a_loss_of_zero_and_no_nan(model, device):
    batch = on(device, collate([single([5, 6], SPECIAL)]))
    nothing = Corruption(batch.input_ids, batch.input_ids, torch.zeros_like(batch.attention_mask))
    loss, _, _ = masked_lm_loss(model, batch, nothing)
    loss.backward()
    assert float(loss.detach()) == 0.0


def test_a_row_that_is_all_padding_gives_no_nan(model, device):
    ids = torch.full((2, 4), 5, device=device)
    mask = torch.tensor([[True] * 4, [False] * 4], device=device)
    out = model.bert(ids, mask)
    assert out.last_hidden_state.isfinite().all()
    out.last_hidden_state.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.bert.encoder.parameters())


def test_the_encoder_compiles_into_one_graph(model, device):
    ids = torch.randint(4, V, (2, 6), device=device)
    mask = torch.ones(2, 6, dtype=torch.bool, device=device)
    compiled = torch.compile(model.bert, fullgraph=True, backend="eager")
    expected = model.bert(ids, mask, torch.zeros_like(ids)).last_hidden_state
    torch.testing.assert_close(compiled(ids, mask, torch.zeros_like(ids)).last_hidden_state, expected)


def test_bad_input_is_named(model, device):
    ids = torch.full((1, 4), 5, device=device)
    with pytest.raises(ValueError, match="at most 12 positions, got 13"):
        model.bert(torch.full((1, 13), 5, device=device))
    with pytest.raises(ValueError, match=r"must lie in 0\.\.29, got 30"):
        model.bert(torch.full((1, 4), 30))
    with pytest.raises(ValueError, match="input_ids must be"):
        model.bert(ids[:0])
    with pytest.raises(ValueError, match="attention_mask must be boolean"):
        model.bert(ids, torch.ones_like(ids))
    with pytest.raises(ValueError, match="token_type_ids must be"):
        model.bert(ids, None, ids[:, :2])
    batch = on(device, collate([single([5, 6], SPECIAL)]))
    with pytest.raises(ValueError, match="batch must have word_ids"):
        MaskedLM(FACTS, whole_words=True)(model, batch)
    with pytest.raises(ValueError, match="batch must have labels"):
        MaskedLM(FACTS, next_sentence=True)(model, batch)
    single_task = BertForPreTraining(BertConfig.tiny(V), next_sentence=False).to(device)
    with pytest.raises(ValueError, match="model must have a next-sentence head"):
        MaskedLM(FACTS, next_sentence=True)(single_task, batch)
