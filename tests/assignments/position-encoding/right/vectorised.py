"""Without loops: complex numbers for the waves, a small network for the bias."""
# cell: attention
def attention(x, w_q, w_k, w_v, bias=None):
    scores = torch.einsum("...id,dk,ek,...je->...ij", x, w_q, w_k, x) / w_k.shape[-1] ** 0.5
    scores = scores if bias is None else scores + bias
    return torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True)) @ x @ w_v


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    permutation = torch.eye(len(x), dtype=x.dtype)[order]
    after = attention(permutation @ x, w_q, w_k, w_v, bias)
    return (after - permutation @ attention(x, w_q, w_k, w_v, bias)).abs().amax().item()


# cell: waves
def wavelengths(pairs, shortest, longest):
    ends = torch.tensor([shortest, longest], dtype=torch.float64).log()
    return torch.linspace(ends[0], ends[1], pairs, dtype=torch.float64).exp() if pairs > 1 else ends[:1].exp()


def waves(positions, width, shortest, longest):
    dtype = torch.float64 if positions.dtype == torch.float64 else torch.float32
    speed = 2 * math.pi / wavelengths((width + 1) // 2, shortest, longest)
    turn = torch.polar(torch.ones(()).double(), torch.zeros(()).double())
    turn = torch.exp(1j * positions.double().unsqueeze(-1) * speed) * turn
    return torch.view_as_real(turn).flip(-1).flatten(-2)[..., :width].to(dtype)


# cell: distances
def product_curve(distances, width, shortest, longest):
    at_zero = waves(torch.zeros((), dtype=torch.float64), width, shortest, longest)
    return waves(distances, width, shortest, longest) @ at_zero.to(waves(distances, 1, 1.0, 1.0).dtype)


def first_rise(width, shortest, longest):
    reach = int(2 * longest) + 2
    curve = product_curve(torch.arange(reach, dtype=torch.float64), width, shortest, longest)
    return int((curve.diff() > 0).nonzero()[0])


def read_distance(a, b, shortest, longest):
    one, two = (torch.view_as_complex(v[..., -2:].flip(-1).contiguous()) for v in (a, b))
    return torch.angle(two * one.conj()) * (shortest if a.shape[-1] == 2 else longest) / (2 * math.pi)


# cell: scheme
def bias_numbers():
    generator = torch.Generator().manual_seed(1)
    return 0.5 * torch.randn(60, generator=generator)


def relative_bias(numbers, places):
    apart = places - places.unsqueeze(-1)
    facts = torch.stack([apart.clamp(-5, 5), torch.tanh(apart), apart / (1 + apart.abs())], dim=-1)
    return 3 * torch.tanh(facts @ numbers[:36].reshape(3, 12) + numbers[36:48]) @ numbers[48:]


# cell: random_places
def random_places(batch, length, size, seed):
    share = torch.rand(batch, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (share * (size - length + 1)).long()[:, None] + torch.arange(length)
