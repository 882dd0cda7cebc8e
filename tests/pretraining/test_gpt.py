"""GPT: the same numbers as transformers' OpenAIGPT and GPT2, forward and backward, padded and cached."""

import pytest
import torch
import transformers

from course_lib.pretraining.gpt import GPT, GPTConfig, count_positions, lm_loss, predicted_tokens
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

V, T = 50, 13
SIZES = {"vocab_size": V, "n_positions": 24, "n_embd": 16, "n_layer": 3, "n_head": 4}
IDS = {"bos_token_id": None, "eos_token_id": None}
KINDS = ["gpt1", "gpt2"]
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}


def theirs_of(kind, **more):
    """A random model of transformers without dropout, biases and norms not at their start."""
    torch.manual_seed(0)
    none = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_implementation": "eager"}
    if kind == "gpt1":
        model = transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig(**SIZES, **none, **more))
    else:
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**SIZES, **none, **IDS, **more))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def batch_of(device, padding):
    ids = torch.randint(1, V, (3, T), generator=torch.Generator().manual_seed(1))
    if padding == "none":
        return ids.to(device), None
    short = torch.tensor([T, 6, 1 if padding == "right" else 9])
    mask = torch.arange(T) < short[:, None]
    return ids.to(device), (mask if padding == "right" else mask.flip(1)).to(device)


def close(a, b, dtype):
    torch.testing.assert_close(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def positions_for(kind, mask, ids):
    return torch.arange(T, device=ids.device).expand(ids.shape) if mask is None else count_positions(mask)


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("padding", ["none", "right", "left"])
@pytest.mark.parametrize("kind", KINDS)
def test_states_maps_logits_losses_and_gradients_are_those_of_transformers(kind, padding, dtype, device):
    theirs = theirs_of(kind).to(device, dtype)
    ours = GPT.from_transformers(theirs)
    ids, mask = batch_of(device, padding)
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
    wanted = predicted_tokens(ids, mask, None)
    labels = ids.clone()
    labels[:, 0] = -100
    labels[:, 1:][~wanted] = -100

    expected = theirs(
        ids,
        attention_mask=None if mask is None else mask.long(),
        position_ids=positions_for(kind, mask, ids),
        labels=labels,
        output_hidden_states=True,
        output_attentions=True,
    )
    got = ours(ids, mask, output_hidden_states=True, output_attentions=True)
    close(ours.logits(got.last_hidden_state)[real], expected.logits[real], dtype)
    assert len(got.hidden_states) == len(expected.hidden_states) == 4
    for a, b in zip(got.hidden_states, expected.hidden_states, strict=True):
        close(a[real], b[real], dtype)
    for a, b in zip(got.attentions, expected.attentions, strict=True):
        close(a.transpose(1, 2)[real], b.transpose(1, 2)[real], dtype)
    total, count = ours.loss(ids, mask)
    # Their loss is rounded to single precision whatever the model's; their logits are not.
    torch.testing.assert_close((total / count).float(), expected.loss, rtol=1e-5, atol=1e-5)
    loss = torch.nn.functional.cross_entropy(expected.logits[:, :-1].transpose(1, 2), labels[:, 1:])
    close(total / count, loss, dtype)
    assert int(count) == int(real[:, 1:].sum() - (~real[:, :-1] & real[:, 1:]).sum())

    loss.backward()
    (total / count).backward()
    gradients = {name: parameter.grad for name, parameter in ours.named_parameters()}
    for name, gradient in gradients_of(theirs).items():
        close(gradients.pop(name), gradient, dtype)
    assert not gradients


def gradients_of(theirs):
    """The gradients of a transformers model under the course's names."""
    from course_lib.pretraining.checkpoints import rename
    from course_lib.pretraining.gpt_weights import RULES, split_and_transpose

    return split_and_transpose(rename({n: p.grad for n, p in theirs.named_parameters()}, RULES))


@pytest.mark.oracle
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_the_input_vectors_is_that_of_transformers(kind, device):
    theirs = theirs_of(kind).to(device, torch.float64)
    ours = GPT.from_transformers(theirs)
    mask = batch_of(device, "left")[1]
    x = torch.randn(3, T, 16, device=device, dtype=torch.float64)
    first, second = x.clone().requires_grad_(), x.clone().requires_grad_()
    base = theirs.transformer
    positions = count_positions(mask)
    expected = base(inputs_embeds=first, attention_mask=mask.long(), position_ids=positions)[0]
    got = ours.encoder(
        ours.positions(second, positions=positions), mask=mask[:, None, None, :], causal=True
    ).last_hidden_state
    expected[mask].square().sum().backward()
    got[mask].square().sum().backward()
    torch.testing.assert_close(second.grad[mask], first.grad[mask], rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("config", "theirs", "count"),
    [
        (GPTConfig.gpt1(), transformers.OpenAIGPTConfig(), 116_534_784),
        (GPTConfig.gpt2(), transformers.GPT2Config(), 124_439_808),
        (GPTConfig.gpt2("medium"), None, 354_823_168),
        (GPTConfig.gpt2("large"), None, 774_030_080),
        (GPTConfig.gpt2("xl"), None, 1_557_611_200),
    ],
    ids=["gpt1", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"],
)
def test_published_sizes_have_the_published_number_of_parameters(config, theirs, count):
    with torch.device("meta"):
        assert sum(p.numel() for p in GPT(config).parameters()) == count
        if theirs is not None:
            peer = transformers.AutoModel.from_config(theirs)
            assert sum(p.numel() for p in peer.parameters()) == count
            from course_lib.pretraining.gpt_weights import config_of

            assert config_of(theirs) == config


@pytest.mark.oracle
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_save_pretrained_loads_without_a_network(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    theirs = theirs_of(kind)
    theirs.save_pretrained(tmp_path)
    ours = GPT.from_transformers(tmp_path)
    ids, _ = batch_of("cpu", "none")
    close(ours.logits(ours(ids).last_hidden_state), theirs(ids).logits, torch.float32)


def test_a_checkpoint_of_another_architecture_is_refused_by_name(tmp_path):
    config = transformers.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1)
    model = transformers.BertModel(config)
    model.save_pretrained(tmp_path)
    for source in (tmp_path, model):
        with pytest.raises(ValueError, match=r"source must be a gpt2 or openai-gpt .*, got bert"):
            GPT.from_transformers(source)


def test_options_that_change_the_computation_are_refused():
    with pytest.raises(ValueError, match="scale_attn_by_inverse_layer_idx=False, got True"):
        GPT.from_transformers(theirs_of("gpt2", scale_attn_by_inverse_layer_idx=True))
    with pytest.raises(ValueError, match="an lm_head of its own"):
        GPT.from_transformers(theirs_of("gpt2", tie_word_embeddings=False))


@pytest.mark.parametrize("norm_first", [True, False], ids=["gpt2", "gpt1"])
def test_no_state_depends_on_a_later_token(norm_first, device):
    """The gradient of state t with respect to word j is zero for j > t, and not zero otherwise."""
    torch.manual_seed(0)
    model = GPT(GPTConfig.tiny(norm_first=norm_first)).double().to(device).eval()
    x = torch.randn(1, 6, 16, device=device, dtype=torch.float64, requires_grad=True)
    states = model.encoder(x, causal=True).last_hidden_state
    weight = torch.randn(16, device=device, dtype=torch.float64)
    for t in range(6):
        (gradient,) = torch.autograd.grad((states[0, t] * weight).sum(), x, retain_graph=True)
        reached = gradient[0].abs().sum(-1) > 0
        assert reached.tolist() == [j <= t for j in range(6)]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_neither_states_nor_the_loss(side, device):
    torch.manual_seed(0)
    model = GPT(GPTConfig.tiny()).double().to(device).eval()
    text = torch.randint(0, 50, (2, 7), device=device)
    padding = (4, 0) if side == "left" else (0, 4)
    padded = torch.nn.functional.pad(text, padding, value=9)
    mask = torch.nn.functional.pad(torch.ones_like(text, dtype=torch.bool), padding, value=False)
    torch.testing.assert_close(
        model(padded, mask).last_hidden_state[mask],
        model(text).last_hidden_state.flatten(0, 1),
        rtol=1e-12,
        atol=1e-12,
    )
    torch.testing.assert_close(model.loss(padded, mask), model.loss(text), rtol=1e-12, atol=1e-12)


def test_only_tokens_that_count_are_in_the_loss(device):
    torch.manual_seed(0)
    model = GPT(GPTConfig.tiny()).double().to(device).eval()
    ids = torch.randint(0, 50, (2, 5), device=device)
    counts = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 1, 0, 0]], device=device).bool()
    total, number = model.loss(ids, counts=counts)
    log_p = model.logits(model(ids).last_hidden_state).log_softmax(-1)
    by_hand = -(log_p[0, 2, ids[0, 3]] + log_p[1, 1, ids[1, 2]])
    assert int(number) == 2  # a row's first token has nothing before it
    torch.testing.assert_close(total, by_hand, rtol=1e-12, atol=1e-12)


def test_logits_exist_only_where_a_token_is_predicted(monkeypatch):
    model, seen = GPT(GPTConfig.tiny()), []
    logits = model.logits
    monkeypatch.setattr(model, "logits", lambda states: seen.append(states.shape) or logits(states))
    counts = torch.zeros(4, 9, dtype=torch.bool)
    counts[:, 3] = True
    model.loss(torch.zeros(4, 9, dtype=torch.int64), counts=counts)
    assert seen == [(4, 16)]


def test_further_tokens_leave_the_old_ones_as_they_were(device):
    model = GPT(GPTConfig.tiny()).to(device).eval()
    ids = torch.randint(0, 50, (1, 5), device=device)
    before = model(ids).last_hidden_state
    assert model.add_tokens_(3, generator=torch.Generator().manual_seed(0)) == range(50, 53)
    torch.testing.assert_close(model(ids).last_hidden_state, before, rtol=0, atol=0)
    assert model.logits(before).shape == (1, 5, 53)
    assert model.words.weight.requires_grad
    model(torch.tensor([[52]], device=device))


def test_residual_branches_of_gpt2_start_smaller_the_deeper_the_model():
    torch.manual_seed(0)
    deep = GPT(GPTConfig(vocab_size=9, hidden_size=64, num_hidden_layers=8, num_attention_heads=2))
    layer = deep.encoder.layers[3]
    assert float(layer.feed_forward.down.weight.detach().std()) == pytest.approx(0.02 / 4, rel=0.05)
    assert float(layer.feed_forward.up.weight.detach().std()) == pytest.approx(0.02, rel=0.05)


def test_it_learns_a_text_that_only_the_past_explains(device):
    """Each token is the sum of the two before it, modulo 7."""
    rows = torch.randint(0, 7, (200, 2), generator=torch.Generator().manual_seed(0)).tolist()
    for row in rows:
        while len(row) < 8:
            row.append((row[-1] + row[-2]) % 7)
    config = GPTConfig.tiny(7)
    torch.manual_seed(0)
    model = GPT(config).to(device)
    counts = (torch.arange(8) > 1).expand(50, 8)
    data = Batches(rows, 50, lambda x: {"input_ids": torch.tensor(x), "counts": counts}, seed=0)
    history = fit(model, data, lm_loss, torch.optim.Adam(model.parameters(), lr=1e-2), FitConfig(steps=400))
    losses = history.column("loss")[1]
    assert losses[0] > 1.5 > 0.2 > losses[-1]


def test_the_forward_pass_compiles_as_one_graph(device):
    model = GPT(GPTConfig.tiny()).to(device).eval()
    ids, mask = batch_of(device, "left")
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(ids, mask)[0], model(ids, mask)[0], rtol=1e-6, atol=1e-6)


def test_bad_input_is_refused_by_name(device):
    model = GPT(GPTConfig.tiny()).to(device)
    ids = torch.zeros(2, 5, dtype=torch.int64, device=device)
    with pytest.raises(ValueError, match="input_ids must have at most 24 positions, got 25"):
        model(torch.zeros(1, 25, dtype=torch.int64, device=device))
    with pytest.raises(ValueError, match="attention_mask must be boolean"):
        model(ids, torch.ones_like(ids))
    with pytest.raises(ValueError, match=r"counts must be boolean of shape \[2, 5\]"):
        model.loss(ids, counts=torch.ones(2, 4, dtype=torch.bool, device=device))
    with pytest.raises(ValueError, match="input_ids must have 2 tokens or more"):
        model.loss(ids[:, :1])
    with pytest.raises(ValueError, match="count must be 1 or more"):
        model.add_tokens_(0)
    with pytest.raises(ValueError, match="size must be one of"):
        GPTConfig.gpt2("huge")
    with pytest.raises(ValueError, match="vocab_size must be 1 or more"):
        GPTConfig(vocab_size=0)
    with pytest.raises(ValueError, match="embedding_dropout must"):
        GPTConfig(embedding_dropout=1.0)
    if device.type == "cpu":
        with pytest.raises(ValueError, match=r"input_ids must lie in 0\.\.49, got 50"):
            model(ids + 50)


def test_rows_of_padding_alone_give_no_nan(device):
    model = GPT(GPTConfig.tiny()).to(device)
    ids = torch.zeros(2, 5, dtype=torch.int64, device=device)
    mask = torch.tensor([[True] * 5, [False] * 5], device=device)
    total, count = model.loss(ids, mask)
    total.backward()
    assert int(count) == 4
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())
