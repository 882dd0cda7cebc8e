"""LSTM layers against the equations and against torch's packed bidirectional LSTM."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from course_lib.nn.lstm import BiLSTM, DirectedLSTM, lstm_step

B, T, E, D = 3, 5, 4, 6
LENGTHS = [5, 2, 3]


@pytest.fixture
def batch(device):
    torch.manual_seed(0)
    return torch.randn(B, T, E, dtype=torch.float64, device=device), torch.tensor(LENGTHS, device=device)


@pytest.mark.oracle
def test_the_step_is_the_one_of_torch_s_kernel(batch, device):
    x, _ = batch
    theirs = nn.LSTM(E, D, batch_first=True).double().to(device)
    outputs, (last_h, last_c) = theirs(x)
    state = (x.new_zeros(B, D), x.new_zeros(B, D))
    for t in range(T):
        bias = theirs.bias_ih_l0 + theirs.bias_hh_l0
        state = lstm_step(x[:, t], state, theirs.weight_ih_l0, theirs.weight_hh_l0, bias)
        torch.testing.assert_close(state[0], outputs[:, t], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(state, (last_h[0], last_c[0]), rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
def test_two_layers_in_both_directions_are_torch_s_packed_lstm_with_copied_weights(batch, device):
    x, lengths = batch
    ours = BiLSTM(E, D, 2).double().to(device)
    theirs = nn.LSTM(E, D, 2, batch_first=True, bidirectional=True).double().to(device)
    for layer in range(2):
        for suffix, mine in (("", ours.forwards[layer]), ("_reverse", ours.backwards[layer])):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(theirs, f"{name}_l{layer}{suffix}").data = getattr(mine.lstm, f"{name}_l0").data
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    mask = torch.arange(T, device=device) < lengths.unsqueeze(1)
    torch.testing.assert_close(ours(x, lengths)[mask], expected[mask], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layers", [1, 2])
def test_padding_never_changes_a_state(batch, device, layers):
    x, lengths = batch
    model = BiLSTM(E, D, layers).double().to(device)
    whole = model(x, lengths)
    for b, length in enumerate(LENGTHS):
        alone = model(x[b : b + 1, :length], lengths[b : b + 1])
        torch.testing.assert_close(whole[b, :length], alone[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backward", [False, True])
def test_a_direction_sees_only_its_own_side(batch, device, backward):
    x, lengths = batch
    x.requires_grad_()
    model = DirectedLSTM(E, D, backward=backward).double().to(device)
    (gradient,) = torch.autograd.grad(model(x, lengths)[0, 2].sum(), x)
    seen = gradient[0].abs().sum(-1) > 0
    assert seen.tolist() == (
        [False, False, True, True, True] if backward else [True, True, True, False, False]
    )


@pytest.mark.oracle
@pytest.mark.parametrize("backward", [False, True])
def test_a_projected_layer_is_torch_s_lstm_with_proj_size_and_says_nothing_on_stderr(
    batch, device, backward, recwarn
):
    x, lengths = batch
    ours = DirectedLSTM(E, D, backward=backward, projection_size=3).double().to(device)
    theirs = nn.LSTM(E, D, proj_size=3, batch_first=True).double().to(device)
    theirs.load_state_dict(ours.lstm.state_dict())
    states = ours(x, lengths)
    assert not recwarn.list
    for b, length in enumerate(LENGTHS):
        read = x[b : b + 1, :length].flip(1) if backward else x[b : b + 1, :length]
        expected = theirs(read)[0].flip(1) if backward else theirs(read)[0]
        torch.testing.assert_close(states[b, :length], expected[0], rtol=1e-9, atol=1e-9)


def test_a_projection_must_be_narrower_than_the_cells():
    with pytest.raises(ValueError, match=r"^projection_size must be 1 to 5, below hidden_size, got 6"):
        DirectedLSTM(E, D, projection_size=6)
