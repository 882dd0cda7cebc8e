"""The attention decoder: rows sum to 1, steps compose, padding is invisible."""

import pytest
import torch

from course_lib.nn.lstm import lstm_step
from course_lib.nn.seq2seq import AttentionDecoder

B, T, S, E, M, D = 2, 4, 5, 3, 6, 7


@pytest.fixture(params=[False, True], ids=["plain", "input feeding"])
def decoder(request, device):
    torch.manual_seed(0)
    return AttentionDecoder(E, M, D, 2, input_feeding=request.param).double().to(device).eval()


@pytest.fixture
def inputs(device):
    torch.manual_seed(1)
    x, memory = (torch.randn(B, n, d, dtype=torch.float64, device=device) for n, d in ((T, E), (S, M)))
    return x, memory, torch.tensor([[True] * S, [True, True, True, False, False]], device=device)


def test_attention_rows_sum_to_one_and_masked_positions_get_nothing(decoder, inputs):
    _, weights, _ = decoder(*inputs)
    assert weights.shape == (B, T, S)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert (weights[1, :, 3:] == 0).all()
    assert (weights[0] > 0).all()


def test_one_call_equals_many_steps(decoder, inputs):
    x, memory, mask = inputs
    whole, maps, end = decoder(x, memory, mask)
    state = None
    for t in range(T):
        output, weights, state = decoder(x[:, t : t + 1], memory, mask, state)
        torch.testing.assert_close(output[:, 0], whole[:, t])
        torch.testing.assert_close(weights[:, 0], maps[:, t])
    torch.testing.assert_close(state, end)


def test_padding_the_source_never_changes_a_state(decoder, inputs):
    x, memory, mask = inputs
    whole, _, _ = decoder(x, memory, mask)
    alone, _, _ = decoder(x[1:], memory[1:, :3], mask[1:, :3])
    torch.testing.assert_close(whole[1:], alone)


def test_an_output_never_sees_a_later_target_word(decoder, inputs):
    x, memory, mask = inputs
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(decoder(x, memory, mask)[0][0, 1].sum(), x)
    assert (gradient[0].abs().sum(-1) > 0).tolist() == [True, True, False, False]


def test_a_step_with_input_feeding_by_hand(inputs):
    x, memory, mask = inputs
    decoder = AttentionDecoder(E, M, D, 1).double().to(x.device).eval()
    outputs, _, _ = decoder(x[:1], memory[:1], mask[:1])
    lstm, fed = decoder.lstm, x.new_zeros(1, D)
    state = (fed, fed)
    for t in range(T):
        bias = lstm.bias_ih_l0 + lstm.bias_hh_l0
        state = lstm_step(torch.cat([x[:1, t], fed], -1), state, lstm.weight_ih_l0, lstm.weight_hh_l0, bias)
        scores = torch.stack([state[0][0] @ decoder.score.project.weight @ m for m in memory[0]])
        context = (scores.softmax(0).unsqueeze(1) * memory[0]).sum(0)
        fed = torch.tanh(decoder.combine(torch.cat([context, state[0][0]]))).unsqueeze(0)
        torch.testing.assert_close(outputs[:, t], fed)
