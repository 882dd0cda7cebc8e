"""RoBERTa against transformers: outputs, losses, gradients; positions, counts, recipe, bad input."""

import pytest
import torch

from course_lib.pretraining.bert import ENCODER_RULES
from course_lib.pretraining.checkpoints import rename
from course_lib.pretraining.examples import Special, collate, single
from course_lib.pretraining.masking import Corruption, VocabFacts
from course_lib.pretraining.roberta import (
    HEAD_RULES,
    Roberta,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaRecipe,
    roberta_pair,
    vocabulary_growth,
)  # fmt: skip
from course_lib.pretraining.tasks import MaskedLM, masked_lm_loss
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

transformers = pytest.importorskip("transformers")
V, T, PAD = 30, 9, 1
SPECIAL = Special(pad_id=PAD, cls_id=0, sep_id=2)
FACTS = VocabFacts(V, V - 1, (0, 1, 2, 3, V - 1))
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}


def close(a, b, dtype=torch.float64):
    torch.testing.assert_close(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def theirs(kind: str, dtype: torch.dtype = torch.float64, **options):
    torch.manual_seed(0)
    config = transformers.RobertaConfig(
        vocab_size=V, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=14, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=PAD,
        attn_implementation="eager", **options,
    )  # fmt: skip
    model = getattr(transformers, kind)(config).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms away from 0 and 1, so that they matter
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.fixture
def batch(attention_mask, device):
    ids = torch.randint(4, V - 1, (3, T), generator=torch.Generator().manual_seed(1)).to(device)
    return ids.masked_fill(~attention_mask, PAD), attention_mask


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", TOLERANCE, ids=["double", "single"])
@pytest.mark.parametrize("act", ["gelu", "relu"])
def test_states_pooler_and_maps_are_those_of_transformers(batch, device, act, dtype):
    ids, mask = batch
    other = theirs("RobertaModel", dtype, hidden_act=act).to(device)
    ours = Roberta.from_transformers(other)
    out = ours(ids, mask, output_hidden_states=True, output_attentions=True)
    expected = other(ids, mask.long(), output_hidden_states=True, output_attentions=True, return_dict=True)
    close(ours(ids, mask, torch.zeros_like(ids)).last_hidden_state, expected.last_hidden_state, dtype)
    close(out.pooler_output, expected.pooler_output, dtype)
    for a, b in zip(out.hidden_states, expected.hidden_states, strict=True):
        close(a, b, dtype)
    for a, b in zip(out.attentions, expected.attentions, strict=True):
        close(a, b, dtype)


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", TOLERANCE, ids=["double", "single"])
@pytest.mark.parametrize("act", ["gelu", "relu"])  # the head's activation is GELU in both
def test_logits_loss_and_every_gradient_are_those_of_transformers(batch, device, act, dtype):
    ids, mask = batch
    other = theirs("RobertaForMaskedLM", dtype, hidden_act=act).to(device)
    ours = RobertaForMaskedLM.from_transformers(other)
    words, pairs = ours(ids, mask)
    assert pairs is None
    close(words, other(ids, mask.long()).logits, dtype)

    counts = mask & (torch.rand(ids.shape, generator=torch.Generator().manual_seed(2)) < 0.4).to(device)
    counts[0, 0] = True
    inputs = ids.masked_fill(counts, FACTS.mask_id)
    expected = other(inputs, mask.long(), labels=ids.masked_fill(~counts, -100)).loss
    texts = collate([single([5], SPECIAL)])._replace(
        input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids)
    )
    loss, _, _ = masked_lm_loss(ours, texts, Corruption(inputs, ids, counts))
    close(loss, expected, dtype)
    loss.backward()
    expected.backward()
    gradients = rename({n: p.grad for n, p in other.named_parameters()}, [*ENCODER_RULES, *HEAD_RULES])
    mine = {name: p.grad for name, p in ours.named_parameters()}
    assert mine.keys() == gradients.keys()
    for name, gradient in gradients.items():
        close(mine[name], gradient, dtype)


@pytest.mark.oracle
def test_padding_that_no_mask_names_still_gets_the_position_of_padding(device):
    """Then padding is attended to, and its position's vector still learns nothing."""
    ids = torch.tensor([[0, 7, 2, PAD, PAD], [PAD, 0, 8, 9, 2]], device=device)
    other = theirs("RobertaModel").to(device)
    ours = Roberta.from_transformers(other)
    a, b = ours(ids).last_hidden_state, other(ids).last_hidden_state
    close(a, b)
    a.square().sum().backward()
    b.square().sum().backward()
    table = ours.embeddings.positions.table.weight.grad
    close(table, other.embeddings.position_embeddings.weight.grad)
    assert float(table[PAD].abs().sum()) == 0.0


def test_positions_count_the_tokens_that_are_no_padding():
    torch.manual_seed(0)
    model = Roberta(RobertaConfig.tiny(V))
    pad = model.config.pad_token_id
    ids = torch.tensor([[pad, pad, 7, 8, 9], [7, 8, 9, pad, pad], [5, 6, 7, 8, 9]])
    expected = [[pad, pad, 2, 3, 4], [2, 3, 4, pad, pad], [2, 3, 4, 5, 6]]
    assert model.position_ids(ids).tolist() == expected
    mask = ids != pad
    states = model.eval()(ids, mask).last_hidden_state
    torch.testing.assert_close(states[0, 2:], states[1, :3])
    with pytest.raises(ValueError, match="at most 10 positions, got 11"):
        model(torch.full((1, 11), 5))
    assert model(torch.full((1, 10), 5)).last_hidden_state.isfinite().all()


def test_parameter_counts_are_the_published_ones():
    def count(model: torch.nn.Module) -> int:
        return sum(p.numel() for p in model.parameters())

    with torch.device("meta"):
        base = RobertaForMaskedLM(RobertaConfig())
        large = RobertaForMaskedLM(RobertaConfig.large())
    assert count(base) == 124_697_433
    assert base.bert.longest == large.bert.longest == 512
    assert vocabulary_growth(768) == 15_162_624
    assert vocabulary_growth(1024) == 20_216_832
    assert large.bert.embeddings.words.weight.numel() == 30_522 * 1024 + vocabulary_growth(1024)
    assert 355_000_000 < count(large) < 356_000_000


def test_a_pair_is_parted_by_two_separators_and_has_one_segment():
    example = roberta_pair([7, 8], [9], SPECIAL)
    assert example.ids == [0, 7, 8, 2, 2, 9, 2]
    assert set(example.token_type_ids) == {0}
    RobertaForMaskedLM(RobertaConfig.tiny(V))(torch.tensor([example.ids]))


def test_a_large_batch_is_many_small_ones_accumulated(device):
    """Equal numbers of words in each: one step on 8 texts moves the weights as 4 accumulated steps on 2."""
    rows = torch.randint(4, V - 1, (8, 6), generator=torch.Generator().manual_seed(0)).tolist()
    examples = [single(row, SPECIAL) for row in rows]
    counts = torch.tensor([[False, True, False, False, True, False, False, False]])

    def loss(model, texts):
        chosen = counts.expand(texts.input_ids.shape).to(device)
        inputs = texts.input_ids.masked_fill(chosen, FACTS.mask_id)
        return masked_lm_loss(model, texts, Corruption(inputs, texts.input_ids, chosen))

    def trained(batch_size, accumulate):
        torch.manual_seed(0)
        model = RobertaForMaskedLM(RobertaConfig.tiny(V)).double().to(device)
        data = Batches(examples, batch_size, lambda chosen: collate(chosen, PAD), seed=0)
        recipe = RobertaRecipe(lr=0.01, warmup=1, steps=5)
        config = FitConfig(steps=3, accumulate=accumulate)
        fit(model, data, loss, recipe.optimizer(model), config, schedule=recipe.schedule())
        return model.state_dict()

    for a, b in zip(trained(8, 1).values(), trained(2, 4).values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_the_recipe_sets_beta2_eps_and_the_schedule():
    model = torch.nn.Linear(2, 2)
    recipe = RobertaRecipe()
    group = recipe.optimizer(model).param_groups[0]
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.98), 1e-6, 0.01)
    schedule = recipe.schedule()
    assert schedule(recipe.warmup) == pytest.approx(1.0)
    assert schedule(recipe.steps) == 0.0


@pytest.mark.oracle
def test_a_folder_loads_offline_and_other_architectures_are_named(tmp_path):
    other = theirs("RobertaForMaskedLM", torch.float32)
    other.save_pretrained(tmp_path)
    ids = torch.randint(4, V, (2, 7))
    close(RobertaForMaskedLM.from_transformers(tmp_path)(ids)[0], other(ids).logits, torch.float32)
    close(
        Roberta.from_transformers(tmp_path)(ids).last_hidden_state,
        other.roberta(ids).last_hidden_state,
        torch.float32,
    )
    bert = transformers.BertModel(transformers.BertConfig(vocab_size=V, num_hidden_layers=1))
    with pytest.raises(ValueError, match="source must be a roberta model of transformers, got bert"):
        Roberta.from_transformers(bert)
    with pytest.raises(ValueError, match=r"it lacks .*masked_lm"):
        RobertaForMaskedLM.from_transformers(other.roberta)
    with pytest.raises(ValueError, match="next_sentence must be False"):
        RobertaForMaskedLM.from_transformers(other, next_sentence=True)


def test_it_trains_and_compiles(device):
    torch.manual_seed(0)
    model = RobertaForMaskedLM(RobertaConfig.tiny(V)).to(device)
    examples = [single([5, 6, 7, 8], SPECIAL), single([8, 7, 6], SPECIAL)]
    data = Batches(examples, 2, lambda chosen: collate(chosen, PAD), seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    history = fit(model, data, MaskedLM(FACTS, rate=0.3), optimizer, FitConfig(steps=60, log_every=20))
    losses = history.column("loss")[1]
    assert losses[-1] < 0.5 * losses[0]
    ids = collate(examples, PAD).input_ids.to(device)
    compiled = torch.compile(model.bert, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(ids).last_hidden_state, model.bert(ids).last_hidden_state)


def test_bad_input_is_named():
    model = Roberta(RobertaConfig.tiny(V))
    ids = torch.full((1, 4), 5)
    with pytest.raises(ValueError, match=r"token_type_ids must lie in 0\.\.0, got 1"):
        model(ids, None, torch.ones_like(ids))
    with pytest.raises(ValueError, match="token_type_ids must be"):
        model(ids, None, ids[:, :2] * 0)
    with pytest.raises(ValueError, match=r"must lie in 0\.\.29, got 30"):
        model(torch.full((1, 4), 30))
    with pytest.raises(ValueError, match="max_position_embeddings must be above"):
        RobertaConfig(max_position_embeddings=2)
    with pytest.raises(ValueError, match="hidden_size must be 1 or more"):
        vocabulary_growth(0)
