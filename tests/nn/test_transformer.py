"""Encoder and decoder stacks against torch's layers; the whole model against its own promises."""

from itertools import product

import pytest
import torch

from course_lib.nn.encoder_decoder import EncoderDecoderConfig, Transformer
from course_lib.nn.generation import beam_search, greedy
from course_lib.nn.kv_cache import KVCache
from course_lib.nn.masks import causal_mask, key_mask
from course_lib.nn.multihead import MultiHeadAttention
from course_lib.nn.positions import T5Bias
from course_lib.nn.transformer import (
    Decoder,
    DecoderCache,
    DecoderLayer,
    Encoder,
    EncoderLayer,
    TransformerConfig,
)

B, T, S, D, H = 3, 4, 6, 12, 3


def config(norm_first: bool = False, act: str = "relu") -> TransformerConfig:
    return TransformerConfig(D, 2, H, 20, hidden_act=act, dropout=0.0, norm_first=norm_first)


def copy_attention(ours: MultiHeadAttention, theirs: torch.nn.MultiheadAttention) -> None:
    theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
    theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())


@torch.no_grad()
def twin(ours, kind, device):
    """torch's layer with the weights of ours, norms shaken so that they matter."""
    for parameter in ours.parameters():
        if parameter.dim() == 1:
            parameter.add_(torch.randn_like(parameter) * 0.3)
    act = ours.feed_forward.activation
    theirs = kind(
        D, H, 20, 0.0, act, batch_first=True, norm_first=ours.around_attention.norm_first, dtype=torch.float64
    )
    copy_attention(ours.attention, theirs.self_attn)
    theirs.linear1.load_state_dict(ours.feed_forward.up.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.down.state_dict())
    arounds = [ours.around_attention, ours.around_feed_forward]
    if kind is torch.nn.TransformerDecoderLayer:
        copy_attention(ours.memory_attention, theirs.multihead_attn)
        arounds.insert(1, ours.around_memory_attention)
    for i, around in enumerate(arounds, 1):
        getattr(theirs, f"norm{i}").load_state_dict(around.norm.state_dict())
    return theirs.to(device)


def same_gradients(ours, expected, x, pairs):
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    cotangent = torch.randn_like(ours)
    left = torch.autograd.grad(ours, [x, *(a for a, _ in pairs)], cotangent)
    right = torch.autograd.grad(expected, [x, *(b for _, b in pairs)], cotangent)
    for a, b in zip(left, right, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.fixture
def x(device):
    torch.manual_seed(5)
    return torch.randn(B, T, D, dtype=torch.float64, device=device, requires_grad=True)


@pytest.fixture
def memory(device):
    torch.manual_seed(6)
    return torch.randn(B, S, D, dtype=torch.float64, device=device)


@pytest.mark.oracle
@pytest.mark.parametrize("act", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True], ids=["post-norm", "pre-norm"])
def test_an_encoder_layer_is_torchs(x, device, norm_first, act):
    torch.manual_seed(0)
    ours = EncoderLayer(config(norm_first, act)).double().to(device)
    theirs = twin(ours, torch.nn.TransformerEncoderLayer, device)
    counts = torch.tensor([[True] * 4, [True] * 2 + [False] * 2, [False] + [True] * 3], device=device)
    pairs = [(ours.feed_forward.up.weight, theirs.linear1.weight)]
    pairs += [(ours.around_attention.norm.weight, theirs.norm1.weight)]
    same_gradients(ours(x, mask=key_mask(counts))[0], theirs(x, src_key_padding_mask=~counts), x, pairs)


@pytest.mark.oracle
@pytest.mark.parametrize("norm_first", [False, True], ids=["post-norm", "pre-norm"])
def test_a_decoder_layer_is_torchs(x, memory, device, norm_first):
    torch.manual_seed(0)
    ours = DecoderLayer(config(norm_first)).double().to(device)
    theirs = twin(ours, torch.nn.TransformerDecoderLayer, device)
    counts = torch.ones(B, S, dtype=torch.bool, device=device)
    counts[1, 4:] = False
    out, weights = ours(x, memory, memory_mask=key_mask(counts), output_attentions=True)
    expected = theirs(
        x, memory, tgt_mask=~causal_mask(T, device), memory_key_padding_mask=~counts, tgt_is_causal=True
    )
    pairs = [(ours.memory_attention.output.weight, theirs.multihead_attn.out_proj.weight)]
    same_gradients(out, expected, x, pairs)
    assert weights.shape == (B, H, T, S)
    assert (weights[1, :, :, 4:] == 0).all()


@pytest.mark.parametrize("norm_first", [False, True])
def test_hidden_states_are_the_input_and_each_layers_output(x, device, norm_first):
    torch.manual_seed(0)
    encoder = Encoder(config(norm_first)).double().to(device)
    out = encoder(x, output_hidden_states=True, output_attentions=True)
    assert len(out.hidden_states) == 3
    torch.testing.assert_close(out.hidden_states[0], x)
    torch.testing.assert_close(out.hidden_states[1], encoder.layers[0](x)[0])
    torch.testing.assert_close(out.hidden_states[2], out.last_hidden_state)
    torch.testing.assert_close(encoder.norm(encoder.layers[1](out.hidden_states[1])[0]), out.hidden_states[2])
    assert [tuple(a.shape) for a in out.attentions] == [(B, H, T, T)] * 2
    bare = encoder(x)
    assert bare.hidden_states is None
    assert bare.attentions is None
    torch.testing.assert_close(bare.last_hidden_state, out.last_hidden_state)


def test_padding_never_changes_a_state(x, device):
    torch.manual_seed(0)
    encoder = Encoder(config()).double().to(device)
    counts = torch.tensor([[True, True, False, False]] * B, device=device)
    noisy = torch.where(counts.unsqueeze(-1), x, torch.randn_like(x) * 100)
    whole = encoder(noisy, mask=key_mask(counts)).last_hidden_state[:, :2]
    torch.testing.assert_close(whole, encoder(x[:, :2]).last_hidden_state)


def test_causal_layers_never_see_a_later_position(x, device):
    torch.manual_seed(0)
    encoder = Encoder(config()).double().to(device)
    (gradient,) = torch.autograd.grad(encoder(x, causal=True).last_hidden_state[:, 1].sum(), x)
    assert (gradient[:, 2:] == 0).all()
    assert (gradient[:, :2] != 0).any()


def test_one_relative_module_is_shared_and_several_are_not(device):
    shared = Encoder(config(), T5Bias(H)).to(device)
    own = Encoder(config(), [T5Bias(H), T5Bias(H)]).to(device)
    difference = sum(p.numel() for p in own.parameters()) - sum(p.numel() for p in shared.parameters())
    assert difference == 32 * H
    with pytest.raises(ValueError, match="relative must have 2 modules"):
        Encoder(config(), [T5Bias(H)])


@pytest.mark.parametrize("norm_first", [False, True])
def test_cached_decoding_equals_one_pass(x, memory, device, norm_first):
    torch.manual_seed(0)
    decoder = Decoder(config(norm_first)).double().to(device)
    with torch.no_grad():
        whole, maps = decoder(x, memory, output_attentions=True)
        caches = [DecoderCache(KVCache(T), KVCache(S)) for _ in decoder.layers]
        parts = [decoder(x[:, t : t + 1], memory, caches=caches)[0] for t in range(T)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    assert [tuple(m.shape) for m in maps] == [(B, H, T, S)] * 2


@pytest.fixture(params=[False, True], ids=["post-norm", "pre-norm"])
def model(request, device):
    torch.manual_seed(0)
    return Transformer(EncoderDecoderConfig.tiny(9, norm_first=request.param)).to(device).eval()


@pytest.fixture
def pair(device):
    source = torch.tensor([[3, 4, 5, 0], [6, 7, 8, 3]], device=device)
    target = torch.tensor([[1, 5, 4, 2], [1, 8, 2, 0]], device=device)
    return source, target, source != 0


def test_the_output_matrix_is_the_embedding(model, pair):
    names = [name for name, p in model.named_parameters() if p.shape == model.words.weight.shape]
    assert names == ["words.weight"]
    source, target, mask = pair
    states, _ = model.decode(target, model.encode(source, mask), mask)
    torch.testing.assert_close(model(source, target, mask), states @ model.words.weight.T)


def test_the_paper_base_model_has_65_million_parameters():
    """Table 3 says 65 x 10^6 for d_model 512, d_ff 2048, L 6 and a joint vocabulary of about 37,000."""
    with torch.device("meta"):
        count = sum(p.numel() for p in Transformer(EncoderDecoderConfig()).parameters())
    layer = 4 * (512 * 512 + 512) + 2 * 512 * 2048 + 2048 + 512
    assert count == 37_000 * 512 + 12 * layer + 6 * 4 * (512 * 512 + 512) + (6 * 2 + 6 * 3) * 2 * 512
    assert 62e6 < count < 67e6


def test_the_loss_is_the_sum_over_target_tokens_and_padding_never_changes_it(model, pair):
    source, target, mask = pair
    loss, count = model.loss(source, target, mask)
    logits = model(source, target[:, :-1], mask).log_softmax(-1)
    by_hand = -sum(
        logits[b, t, target[b, t + 1]] for b, t in product(range(2), range(3)) if target[b, t + 1] != 0
    )
    torch.testing.assert_close(loss, by_hand)
    assert int(count) == 5
    alone, _ = model.loss(source[:1, :3], target[:1], None)
    other, _ = model.loss(source[1:], target[1:, :3], None)
    torch.testing.assert_close(alone + other, loss)


def test_greedy_is_the_argmax_of_the_uncached_model(model, pair):
    source, _, mask = pair
    written = greedy(model.stepper(source, mask), model.start_ids(2, source.device), 2, 6)
    for b, row in enumerate(written):
        ids = [1]
        while len(ids) <= 6:
            logits = model(source[b : b + 1], torch.tensor([ids], device=source.device), mask[b : b + 1])[
                0, -1
            ]
            logits[:2] = -torch.inf
            word = int(logits.argmax())
            if word == 2:
                break
            ids.append(word)
        assert row == ids[1:]


@torch.no_grad()
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_of_all_texts(model, pair, alpha):
    source, _, mask = pair
    longest = 3
    stepper = model.stepper(source, mask)
    texts, scores = beam_search(
        stepper, model.start_ids(2, source.device), 2, longest, beams=400, length_penalty=alpha
    )
    for b in range(2):
        best, best_text = -float("inf"), None
        for length in range(longest + 1):
            for words in product(range(3, 9), repeat=length):
                ids = [1, *words] + ([2] if length < longest else [])
                logits = model(
                    source[b : b + 1], torch.tensor([ids[:-1]], device=source.device), mask[b : b + 1]
                )[0]
                logits[:, :2] = -torch.inf
                log_p = logits.log_softmax(-1)
                score = sum(float(log_p[t, word]) for t, word in enumerate(ids[1:]))
                score /= ((5 + len(ids) - 1) / 6) ** alpha
                if score > best:
                    best, best_text = score, list(words)
        assert texts[b] == best_text
        assert float(scores[b]) == pytest.approx(best, abs=1e-5)


def test_one_beam_is_greedy(model, pair):
    source, _, mask = pair
    start = model.start_ids(2, source.device)
    one, _ = beam_search(model.stepper(source, mask), start, 2, 6, beams=1)
    assert one == greedy(model.stepper(source, mask), start, 2, 6)


def test_whole_models_compile_into_one_graph_and_run_in_bfloat16(device):
    torch.manual_seed(0)
    encoder = Encoder(config()).to(device).eval()
    x = torch.randn(B, T, D, device=device)
    mask = key_mask(torch.ones(B, T, dtype=torch.bool, device=device))
    compiled = torch.compile(encoder, fullgraph=True, backend="eager")
    torch.testing.assert_close(
        compiled(x, mask=mask).last_hidden_state, encoder(x, mask=mask).last_hidden_state
    )
    with torch.autocast(device.type, dtype=torch.bfloat16):
        low = encoder(x, mask=mask).last_hidden_state
    torch.testing.assert_close(low.float(), encoder(x, mask=mask).last_hidden_state, rtol=0.1, atol=0.1)


def test_bad_input_is_named(model, pair):
    source, _, mask = pair
    with pytest.raises(ValueError, match=r"input_ids must lie in 0\.\.8, got 9"):
        model.encode(torch.full((1, 2), 9))
    with pytest.raises(ValueError, match=r"input_ids must be \(B, T\) with B, T of 1 or more"):
        model.encode(source[:0])
    with pytest.raises(ValueError, match="input_ids must be integers"):
        model.encode(source.float())
    with pytest.raises(ValueError, match="attention_mask must be boolean"):
        model.encode(source, mask.long())
    with pytest.raises(ValueError, match="attention_mask must be"):
        model.encode(source, mask[:, :2])
    with pytest.raises(ValueError, match="hidden_act must be one of"):
        TransformerConfig(hidden_act="swish2")
    with pytest.raises(ValueError, match="must divide hidden_size"):
        TransformerConfig(hidden_size=10, num_attention_heads=3)
    with pytest.raises(ValueError, match="dropout must be"):
        TransformerConfig(dropout=1.0)
    with pytest.raises(ValueError, match=r"must be three ids within 0\.\.8, got \(0, 1, 9\)"):
        EncoderDecoderConfig(vocab_size=9, eos_token_id=9)
    with pytest.raises(ValueError, match="must be three ids"):
        EncoderDecoderConfig(bos_token_id=0)
    with pytest.raises(ValueError, match="num_hidden_layers must be 1 or more"):
        TransformerConfig(num_hidden_layers=0)


def test_a_pre_norm_decoder_ends_with_a_norm_and_a_post_norm_one_does_not(x, memory, device):
    for norm_first in (False, True):
        torch.manual_seed(0)
        decoder = Decoder(config(norm_first)).double().to(device)
        y = x
        for layer in decoder.layers:
            y, _ = layer(y, memory)
        expected = torch.nn.functional.layer_norm(y, (D,)) if norm_first else y
        torch.testing.assert_close(decoder(x, memory)[0], expected)


def test_dropout_falls_on_what_each_sublayer_adds(x, device):
    torch.manual_seed(0)
    layer = EncoderLayer(TransformerConfig(D, 1, H, 20, dropout=0.5, norm_first=True)).double().to(device)
    kept = layer.around_feed_forward.after(torch.zeros_like(x), torch.ones_like(x))
    assert set(kept.unique().tolist()) == {0.0, 2.0}  # dropped, or scaled by 1 / (1 - p)
    added = layer.around_feed_forward.after(x, torch.zeros_like(x))
    torch.testing.assert_close(added, x)  # the residual itself is never dropped


def test_embeddings_are_scaled_by_the_root_of_the_width_and_start_at_its_inverse(model, pair):
    source, _, _ = pair
    positions = model.positions(torch.zeros(*source.shape, 16, device=source.device))
    torch.testing.assert_close(model.embed(source), model.words(source) * 4.0 + positions)
    wide = Transformer(EncoderDecoderConfig(256, 1, 2, 8, vocab_size=500))
    assert float(wide.words.weight.detach().std()) == pytest.approx(256**-0.5, rel=0.02)


def test_label_smoothing_is_that_of_torch(model, pair):
    source, target, mask = pair
    logits, wanted = model(source, target[:, :-1], mask), target[:, 1:]
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), wanted.flatten(), reduction="sum", ignore_index=0, label_smoothing=0.1
    )
    torch.testing.assert_close(model.loss(source, target, mask, smoothing=0.1)[0], expected)
    assert not torch.allclose(expected, model.loss(source, target, mask)[0])


def test_rows_may_be_reordered_before_the_first_step(model, pair):
    source, _, mask = pair
    rows = torch.tensor([1, 1, 0], device=source.device)
    start = model.start_ids(3, source.device)
    stepper = model.stepper(source, mask)
    stepper.reorder(rows)
    torch.testing.assert_close(stepper.step(start), model.stepper(source[rows], mask[rows]).step(start))


def test_negative_ids_are_named(model):
    with pytest.raises(ValueError, match=r"input_ids must lie in 0\.\.8, got -1"):
        model.encode(torch.tensor([[3, -1]]))
