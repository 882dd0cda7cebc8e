"""Word by word, column by column, and bumps for a bias."""
# cell: attention
def attention(x, w_q, w_k, w_v, bias=None):
    if x.dim() > 2:
        return torch.stack([attention(text, w_q, w_k, w_v, bias) for text in x])
    outputs = []
    for i, word in enumerate(x):
        query = word @ w_q
        scores = []
        for j, other in enumerate(x):
            score = torch.dot(query, other @ w_k) / math.sqrt(len(query))
            scores.append(score if bias is None else score + bias[i, j])
        largest = max(float(score) for score in scores)
        weights = [torch.exp(score - largest) for score in scores]
        mean = sum(weight * (other @ w_v) for weight, other in zip(weights, x, strict=True))
        outputs.append(mean / sum(weights))
    return torch.stack(outputs)


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    before = attention(x, w_q, w_k, w_v, bias)
    after = attention(torch.stack([x[i] for i in order]), w_q, w_k, w_v, bias)
    gap = 0.0
    for place, word in enumerate(order):
        for new, old in zip(after[place].tolist(), before[word].tolist(), strict=True):
            gap = max(gap, abs(new - old))
    return gap


# cell: waves
def waves(positions, width, shortest, longest):
    if positions.dtype != torch.float64:
        positions = positions.to(torch.float32)
    pairs = math.ceil(width / 2)
    columns = []
    for i in range(pairs):
        length = shortest if pairs == 1 else shortest * (longest / shortest) ** (i / (pairs - 1))
        columns.append(torch.sin(2 * math.pi * positions / length))
        if len(columns) < width:
            columns.append(torch.cos(2 * math.pi * positions / length))
    return torch.stack(columns, dim=-1)


# cell: distances
def product_curve(distances, width, shortest, longest):
    pairs = width // 2
    total = 0.0
    for i in range(pairs):
        length = shortest if pairs == 1 else shortest * (longest / shortest) ** (i / (pairs - 1))
        total = total + torch.cos(2 * math.pi * distances / length)
    return total


def first_rise(width, shortest, longest):
    k, here = 0, float(width // 2)
    while True:
        after = product_curve(torch.tensor(k + 1.0, dtype=torch.float64), width, shortest, longest).item()
        if after > here:
            return k
        k, here = k + 1, after


def read_distance(a, b, shortest, longest):
    length = shortest if a.shape[-1] == 2 else longest
    turn = torch.atan2(b[..., -2], b[..., -1]) - torch.atan2(a[..., -2], a[..., -1])
    turn = torch.where(turn > math.pi, turn - 2 * math.pi, turn)
    turn = torch.where(turn < -math.pi, turn + 2 * math.pi, turn)
    return turn * length / (2 * math.pi)


# cell: scheme
def bias_numbers():
    middles = torch.arange(-4.0, 5.0)
    return torch.cat([middles, torch.zeros(9)])  # where each bump stands, and how high it is


def relative_bias(numbers, places):
    apart = places - places.unsqueeze(-1)
    total = 0 * apart
    for middle, height in zip(numbers[:9], numbers[9:], strict=True):
        total = total + height * torch.exp(-((apart - middle) ** 2))
    return total


# cell: random_places
import random


def random_places(batch, length, size, seed):
    dice = random.Random(seed)
    rows = []
    for _ in range(batch):
        start = dice.randint(0, size - length)
        rows.append(list(range(start, start + length)))
    return torch.tensor(rows)
