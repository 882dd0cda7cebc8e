"""Transfer: what is frozen stays to the bit, rates by layer, layers that open in order, fused layers."""

import copy
import math

import pytest
import torch
from torch import nn

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.pretraining.bert import Bert, BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Special, collate, single
from course_lib.pretraining.heads import SequenceClassifier, TokenClassifier, head_loss
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit
from course_lib.transfer.finetune import (
    GradualUnfreezing,
    Strategy,
    extract,
    finetune,
    freeze_below,
    predict,
)
from course_lib.transfer.fusion import FusedClassifier, FusedLayers, mean_over_tokens
from course_lib.transfer.layerwise import layer_numbers, layer_of, layer_rates, parameter_groups, top_layer
from course_lib.transfer.taxonomy import Side, Situation, kind_of_transfer, purity, situations

SPECIAL = Special(0, 1, 2)
TOP = 3  # two layers


def bert(pooler: bool = True, dropout: float = 0.0) -> Bert:
    torch.manual_seed(0)
    sizes = {**vars(BertConfig.tiny()), "dropout": dropout, "attention_dropout": dropout}
    return Bert(BertConfig(**sizes), pooler=pooler)


@pytest.fixture
def model(device):
    return SequenceClassifier(bert(), 3).double().to(device)


def data(n: int = 12, batch_size: int = 4, shuffle: bool = True) -> Batches:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(2, 8, (n,), generator=generator).tolist()
    examples = [
        single(torch.randint(4, 30, (length,), generator=generator).tolist(), SPECIAL, label=i % 3)
        for i, length in enumerate(lengths)
    ]
    return Batches(examples, batch_size, collate, seed=0, shuffle=shuffle)


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def changed_layers(model: nn.Module, before: dict[str, torch.Tensor]) -> set[int]:
    """The layers of which some parameter is no longer what it was."""
    numbers = layer_numbers(model)
    moved = {name: not torch.equal(p.detach(), before[name]) for name, p in model.named_parameters()}
    return {numbers[name] for name, m in moved.items() if m}


# ------------------------------------------------------------------ layers and rates


def test_layers_are_counted_from_the_embeddings_up_to_the_head(model):
    numbers = layer_numbers(model)
    assert top_layer(model) == TOP
    assert numbers["encoder.embeddings.token_types.weight"] == 0
    assert numbers["encoder.encoder.layers.0.attention.key.bias"] == 1
    assert numbers["encoder.encoder.layers.1.around_feed_forward.norm.weight"] == 2
    assert numbers["encoder.pooler.weight"] == numbers["classifier.bias"] == TOP
    assert set(numbers) == {name for name, _ in model.named_parameters()}
    assert layer_of("players.3.weight") is None
    assert layer_of("bert.encoder.layers.11.feed_forward.up.weight") == 12


def test_rates_fall_by_the_factor_with_each_layer_down():
    assert layer_rates(1.0, 1 / 2.6, 3) == pytest.approx([2.6**-3, 2.6**-2, 1 / 2.6, 1.0], rel=1e-15)
    assert layer_rates(0.5, 1.0, 3) == [0.5] * 4


def test_every_parameter_is_in_exactly_one_group_with_its_layers_rate(model):
    groups = parameter_groups(model, 0.1, decay=0.5, weight_decay=0.2)
    listed = [id(p) for group in groups for p in group["params"]]
    assert len(listed) == len(set(listed))
    assert set(listed) == {id(p) for p in model.parameters()}
    numbers, named = layer_numbers(model), dict(model.named_parameters())
    for group in groups:
        assert group["lr"] == pytest.approx(0.1 * 0.5 ** (TOP - group["layer"]), rel=1e-15)
        for name, parameter in zip(group["names"], group["params"], strict=True):
            assert named[name] is parameter
            assert numbers[name] == group["layer"]
            assert group["weight_decay"] == (0.0 if "norm" in name or name.endswith("bias") else 0.2)
    assert groups[0]["layer"] == TOP  # fit's history shows this rate


def test_tied_embeddings_are_trained_once():
    model = BertForPreTraining(BertConfig.tiny())
    groups = parameter_groups(model, 0.1)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_a_step_of_plain_descent_moves_each_layer_by_its_own_rate(model, device):
    """One SGD step by hand: θ ← θ − η_l·g."""
    batch = next(data().epoch(0))
    batch = type(batch)(*(None if x is None else x.to(device) for x in batch))
    total, count = head_loss(model.eval(), batch)
    (total / count).backward()
    before, numbers = weights(model), layer_numbers(model)
    gradients = {
        name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in model.named_parameters()
    }
    torch.optim.SGD(parameter_groups(model, 0.3, decay=0.5, weight_decay=0.0)).step()
    for name, parameter in model.named_parameters():
        expected = before[name] - 0.3 * 0.5 ** (TOP - numbers[name]) * gradients[name]
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-14, atol=1e-15)


# ------------------------------------------------------------------ freezing


@pytest.mark.parametrize("optimizer", ["AdamW", "SGD"])
@pytest.mark.parametrize("first_open", [0, 1, 2, 3])
def test_layers_below_do_not_change_by_one_bit_and_those_above_do(model, optimizer, first_open):
    freeze_below(model, first_open)
    groups = parameter_groups(model, 0.05, weight_decay=0.5)
    kinds = {"AdamW": torch.optim.AdamW(groups), "SGD": torch.optim.SGD(groups, momentum=0.9)}
    before = weights(model)
    fit(model, data(), head_loss, kinds[optimizer], FitConfig(steps=5, ema=0.3))
    assert changed_layers(model, before) == set(range(first_open, TOP + 1))


def test_momentum_and_decay_do_not_move_a_layer_that_is_frozen_again(model):
    """After five open steps the optimizer has momentum for every parameter, and gradients may be zeros."""
    optimizer = torch.optim.SGD(parameter_groups(model, 0.1, weight_decay=0.5), momentum=0.9)
    fit(model, data(), head_loss, optimizer, FitConfig(steps=5))
    optimizer.zero_grad(set_to_none=False)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    freeze_below(model, 2)
    before = weights(model)
    optimizer.step()
    fit(model, data(), head_loss, optimizer, FitConfig(steps=3))
    assert changed_layers(model, before) == {2, 3}


def test_an_opened_layer_learns_as_if_it_had_never_been_frozen(model):
    other = copy.deepcopy(model)
    freeze_below(other, TOP)
    freeze_below(other, 0)
    for m in (model, other):
        fit(m, data(), head_loss, torch.optim.AdamW(parameter_groups(m, 0.01)), FitConfig(steps=3))
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_frozen_part_computes_without_dropout_and_an_open_one_with_it(device):
    model = FusedClassifier(bert(pooler=False, dropout=0.5), 2).to(device)
    batch = next(data(batch_size=12).epoch(0))
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    quiet = model.eval().features(ids, mask, None)
    freeze_below(model, TOP)
    assert torch.equal(model.train().features(ids, mask, None), quiet)
    freeze_below(model, 2)  # the upper layer is open: its dropout is on, the lower one's is not
    model.train().features(ids, mask, None)
    modes = [layer.around_attention.dropout.training for layer in model.encoder.encoder.layers]
    assert modes == [False, True]
    assert not model.encoder.embeddings.dropout.training
    freeze_below(model, 0)
    assert not torch.equal(model.train().features(ids, mask, None), quiet)


def test_feature_extraction_leaves_batch_norm_in_the_encoder_as_it_was(device):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = nn.Linear(4, 4)
            self.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.3))])
            self.head = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))

        def forward(self, x):
            return self.head(self.layers[0](self.embeddings(x)))

    torch.manual_seed(0)
    net = Net().to(device)
    freeze_below(net, top_layer(net))
    before = weights(net)
    examples = list(torch.randn(16, 4) + 3)
    optimizer = torch.optim.AdamW(parameter_groups(net, 0.1, weight_decay=0.5))
    fit(net, Batches(examples, 4, torch.stack, seed=0), lambda m, x: m(x).square().mean(), optimizer,
        FitConfig(steps=6))  # fmt: skip
    after = weights(net)
    same = {name for name in after if torch.equal(before[name], after[name])}
    assert {name for name in after if name.startswith(("embeddings", "layers"))} <= same
    assert "head.0.running_mean" not in same


def test_training_on_extracted_features_is_training_with_the_encoder_frozen(model, device):
    """Once through the encoder, then a linear map on cached vectors: the same weights."""
    model = FusedClassifier(model.encoder, 3).double().to(device)
    examples = data(shuffle=False)
    linear = copy.deepcopy(model.classifier)
    before = weights(model.encoder)
    vectors = extract(model, examples.epoch(0))
    finetune(model, examples, Strategy.feature_extraction(0.05), FitConfig(steps=6))
    assert all(torch.equal(value, before[name]) for name, value in model.encoder.state_dict().items())

    labels = [batch.labels.to(device) for batch in examples.epoch(0)]
    groups = [
        {"params": [linear.weight], "weight_decay": 0.01},
        {"params": [linear.bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.05)
    cached = Batches([0, 1, 2], 1, lambda rows: rows[0], seed=0, shuffle=False)
    from course_lib.training import schedules

    fit(linear, cached, lambda m, i: nn.functional.cross_entropy(m(vectors[i]), labels[i]), optimizer,
        FitConfig(steps=6), schedule=schedules.linear(6))  # fmt: skip
    torch.testing.assert_close(linear.weight, model.classifier.weight, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(linear.bias, model.classifier.bias, rtol=1e-12, atol=1e-12)


def test_predictions_are_made_without_dropout_and_leave_the_mode_as_it_was(device):
    model = FusedClassifier(bert(pooler=False, dropout=0.5), 2).to(device).train()
    batch = next(data().epoch(0))
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    (first,), (second,) = predict(model, [batch]), predict(model, [batch])
    assert model.training
    assert torch.equal(first, second)
    assert torch.equal(model.eval()(ids, mask), first)


# ------------------------------------------------------------------ gradual unfreezing


def test_layers_open_from_the_top_in_order_and_those_that_wait_do_not_move(model):
    seen, previous = [], weights(model)

    def watch(model, batch):
        nonlocal previous
        seen.append(changed_layers(model, previous))
        previous = weights(model)
        return head_loss(model, batch)

    config = FitConfig(steps=9)
    finetune(model, data(), Strategy.gradual(0.01, every=2), config, loss_function=watch)
    seen.append(changed_layers(model, previous))
    # before step 0 nothing; steps 0, 1 the head; 2, 3 and layer 2; 4, 5 and layer 1; then the embeddings too
    expected = [
        set(),
        {3},
        {3},
        {2, 3},
        {2, 3},
        {1, 2, 3},
        {1, 2, 3},
        {0, 1, 2, 3},
        {0, 1, 2, 3},
        {0, 1, 2, 3},
    ]
    assert seen == expected


def test_the_schedule_still_gives_its_factor_and_goes_back_when_asked_for_an_earlier_step(model):
    schedule = GradualUnfreezing(model, 3, lambda step: 1 / (step + 1))
    assert [schedule.first_open(step) for step in (0, 2, 3, 8, 9, 100)] == [3, 3, 2, 1, 0, 0]
    assert schedule(9) == 0.1
    assert all(p.requires_grad for p in model.parameters())
    assert schedule(0) == 1.0
    assert [name for name, p in model.named_parameters() if p.requires_grad] == [
        "encoder.pooler.weight", "encoder.pooler.bias", "classifier.weight", "classifier.bias"
    ]  # fmt: skip


def test_a_run_that_was_stopped_while_layers_open_goes_on_bit_for_bit(model, tmp_path):
    strategy = Strategy.gradual(0.01, every=2)
    schedule = lambda step: 1.0  # noqa: E731
    other = copy.deepcopy(model)
    finetune(model, data(), strategy, FitConfig(steps=8), schedule=schedule)
    for steps in (3, 8):
        resumed = copy.deepcopy(other)
        finetune(
            resumed, data(), strategy, FitConfig(steps=steps), schedule=schedule, checkpoint=tmp_path / "run"
        )
    for a, b in zip(model.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "strategy",
    [Strategy.feature_extraction(0.1), Strategy.full(0.01), Strategy.discriminative(0.03),
     Strategy.gradual(0.03, every=5)],
)  # fmt: skip
def test_each_strategy_learns_the_examples_it_is_given(strategy):
    """Labels that the bag of words decides: every strategy fits them, the encoder being random."""
    torch.manual_seed(0)
    examples = [
        single([4 + 8 * (i % 3) + j for j in range(i % 5 + 2)], SPECIAL, label=i % 3) for i in range(30)
    ]
    model = FusedClassifier(bert(pooler=False), 3)
    batches = Batches(examples, 10, collate, seed=0)
    finetune(model, batches, strategy, FitConfig(steps=60))
    batch = collate(examples)
    guesses = predict(model, [batch])[0].argmax(-1)
    assert float((guesses == batch.labels).float().mean()) > 0.9


# ------------------------------------------------------------------ fused layers


def states(device, n: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    drawn = torch.randn(n, 2, 3, 5, dtype=torch.float64, generator=generator)
    return [x.to(device).requires_grad_() for x in drawn.unbind()]


def test_fused_layers_and_their_gradients_are_the_sums_written_out(device):
    x = states(device)
    g = torch.randn(2, 3, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).to(device)
    joined = FusedLayers(2, "concat")(x)
    assert torch.equal(joined[..., :5], x[2])
    assert torch.equal(joined[..., 5:], x[3])
    gradients = torch.autograd.grad((joined * g).sum(), x, allow_unused=True)
    assert gradients[0] is None
    assert gradients[1] is None
    assert torch.equal(gradients[2], g[..., :5])
    assert torch.equal(gradients[3], g[..., 5:])

    mean = FusedLayers(3, "mean")(x)
    torch.testing.assert_close(mean, (x[1] + x[2] + x[3]) / 3, rtol=1e-14, atol=1e-14)
    gradients = torch.autograd.grad((mean * g[..., :5]).sum(), x, allow_unused=True)
    assert gradients[0] is None
    torch.testing.assert_close(gradients[1], g[..., :5] / 3, rtol=1e-14, atol=1e-14)

    mix = FusedLayers(2, "mix").double().to(device)
    with torch.no_grad():
        mix.mix.logits.copy_(torch.tensor([math.log(3.0), 0.0]))
        mix.mix.gamma.fill_(2.0)
    torch.testing.assert_close(mix(x), 1.5 * x[2] + 0.5 * x[3], rtol=1e-7, atol=1e-7)
    gradients = torch.autograd.grad((mix(x) * g[..., :5]).sum(), [x[2], x[3], mix.mix.gamma])
    torch.testing.assert_close(gradients[0], 1.5 * g[..., :5], rtol=1e-7, atol=1e-7)
    expected = ((0.75 * x[2] + 0.25 * x[3]) * g[..., :5]).sum()
    torch.testing.assert_close(gradients[2], expected, rtol=1e-7, atol=1e-7)


@pytest.mark.oracle
def test_the_last_four_states_side_by_side_are_those_of_transformers(device):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=12, attn_implementation="eager",
    )  # fmt: skip
    theirs = transformers.BertModel(config).double().eval().to(device)
    model = FusedClassifier(Bert.from_transformers(theirs), 2, last=4, how="concat", where="tokens")
    batch = next(data(batch_size=5).epoch(0))
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    expected = torch.cat(theirs(ids, mask.long(), output_hidden_states=True).hidden_states[-4:], dim=-1)
    ours = model.double().to(device).eval().features(ids, mask, None)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    gradients = [
        torch.autograd.grad(x.square().sum(), p)[0]
        for x, p in (
            (ours, model.encoder.embeddings.words.weight),
            (expected, theirs.embeddings.word_embeddings.weight),
        )
    ]
    torch.testing.assert_close(gradients[0][1:], gradients[1][1:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("how", ["concat", "mean", "mix"])
@pytest.mark.parametrize("where", ["mean", "first", "tokens"])
def test_padding_never_changes_what_a_fused_head_says(how, where, device):
    model = FusedClassifier(bert(pooler=False), 2, last=3, how=how, where=where).double().to(device).eval()
    examples = [single([5, 6, 7, 8, 9], SPECIAL), single([10, 11], SPECIAL)]
    both = [x.to(device) for x in collate(examples)[:3]]
    alone = [x.to(device) for x in collate(examples[1:])[:3]]
    together, expected = model(*both)[1], model(*alone)[0]
    torch.testing.assert_close(
        together[:4] if where == "tokens" else together, expected, rtol=1e-12, atol=1e-12
    )


def test_one_last_layer_is_the_token_classifier(device):
    encoder = bert().double().to(device).eval()
    fused = FusedClassifier(encoder, 3, where="tokens").double().to(device).eval()
    plain = TokenClassifier(encoder, 3).double().to(device).eval()
    plain.classifier.load_state_dict(fused.classifier.state_dict())
    batch = next(data().epoch(0))
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    torch.testing.assert_close(fused(ids, mask), plain(ids, mask), rtol=1e-14, atol=1e-14)


def test_the_mean_over_no_tokens_is_zero_and_has_a_gradient(device):
    x = torch.ones(2, 3, 4, device=device, requires_grad=True)
    mask = torch.tensor([[True, False, False], [False] * 3], device=device)
    out = mean_over_tokens(x, mask)
    out.sum().backward()
    assert out.tolist() == [[1.0] * 4, [0.0] * 4]
    assert x.grad.isfinite().all()


# ------------------------------------------------------------------ the taxonomy


def test_each_situation_of_the_language_is_of_its_kind():
    cases = situations(Language(LanguageConfig.tiny()), 40, few=8)
    assert {name: case.kind for name, case in cases.items()} == {name: name for name in cases}
    assert len(cases) == 3
    for case in cases.values():
        assert len(case.test.labels) == len(case.test.texts) == 40
        assert not {tuple(t) for t in case.test.texts} & {tuple(t) for t in case.target.texts}
    assert len(cases["inductive"].target.labels) == 8
    assert not cases["transductive"].target.labels


def test_the_kind_follows_from_domain_task_and_labels():
    texts = [["a"], ["b"], ["c"]]
    books, series = (Side(d, "sentiment", texts, [0, 1, 1]) for d in ("books", "television"))
    assert kind_of_transfer(books, Side("television", "sentiment", texts)) == "transductive"
    assert kind_of_transfer(books, Side("television", "sentiment", texts, [1])) == "transductive"
    assert kind_of_transfer(books, series) == "inductive"  # as many labels there: they alone would do
    assert kind_of_transfer(books, Side("books", "topic", texts, [1])) == "inductive"
    assert kind_of_transfer(Side("web", "masked words", texts), series) == "inductive"
    assert kind_of_transfer(Side("books", "x", texts), Side("television", "x", texts)) == "unsupervised"
    assert Situation(books, series, series).kind == "inductive"
    with pytest.raises(ValueError, match="target must have some labels"):
        kind_of_transfer(books, Side("books", "topic", texts))
    with pytest.raises(ValueError, match="differ from source"):
        kind_of_transfer(books, Side("books", "sentiment", texts))


def test_purity_counts_the_commonest_label_of_each_cluster():
    import numpy as np

    assert purity(np.array([0, 0, 0, 5, 5]), np.array([1, 1, 2, 0, 0])) == pytest.approx(4 / 5)
    with pytest.raises(ValueError, match="clusters must have the shape"):
        purity(np.array([0, 1]), np.array([0]))


# ------------------------------------------------------------------ bad input


def test_bad_input_is_named(model):
    for value in (-1, 4):
        with pytest.raises(ValueError, match=rf"first_open must lie in 0\.\.3, got {value}"):
            freeze_below(model, value)
    with pytest.raises(ValueError, match="parts called `embeddings` and"):
        top_layer(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="lr must be above 0, got 0"):
        layer_rates(0, 0.5, 3)
    for value in (0.0, 1.1):
        with pytest.raises(ValueError, match="decay must be above 0 and at most 1"):
            parameter_groups(model, 0.1, decay=value)
    with pytest.raises(ValueError, match="weight_decay must be 0 or more"):
        parameter_groups(model, 0.1, weight_decay=-1.0)
    with pytest.raises(ValueError, match="every must be 1 or more, got 0"):
        GradualUnfreezing(model, 0)
    with pytest.raises(ValueError, match="unfreeze_every must be 0 or more"):
        Strategy(0.1, unfreeze_every=-1)
    with pytest.raises(ValueError, match="unfreeze_every must be 0 where frozen"):
        Strategy(0.1, frozen=True, unfreeze_every=2)
    with pytest.raises(ValueError, match="last must be 1 or more, got 0"):
        FusedLayers(0)
    with pytest.raises(ValueError, match="how must be"):
        FusedLayers(1, "sum")
    with pytest.raises(ValueError, match="hidden_states must be 3 or more, got 1"):
        FusedLayers(3)([torch.zeros(1, 1, 1)])
    with pytest.raises(ValueError, match="last must be at most 3, got 4"):
        FusedClassifier(model.encoder, 2, last=4)
    with pytest.raises(ValueError, match="where must be"):
        FusedClassifier(model.encoder, 2, where="last")
    with pytest.raises(ValueError, match="texts must hold at least one"):
        Side("books", "topic", [])
    with pytest.raises(ValueError, match="labels must be at most 1, got 2"):
        Side("books", "topic", [["a"]], [0, 1])
    with pytest.raises(ValueError, match=r"few must lie in 1\.\.5, got 6"):
        situations(Language(LanguageConfig.tiny()), 5, few=6)
