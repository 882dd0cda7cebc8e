"""course_lib's distances and T5 module, pasted: they want queries and keys, not numbers and places."""
# score: 18
# caught by: test_bias
# cell: scheme
from torch import nn


def t5_bucket(distances, num_buckets, max_distance, bidirectional):
    side = num_buckets // 2 if bidirectional else num_buckets
    exact = side // 2
    away = distances.abs() if bidirectional else (-distances).clamp(min=0)
    ratio = torch.log(away.float().clamp(min=1) / exact) / math.log(max_distance / exact)
    wide = (exact + (ratio * (side - exact)).long()).clamp(max=side - 1)
    bucket = torch.where(away < exact, away.long(), wide)
    return bucket + side * (distances > 0).long() if bidirectional else bucket


def relative_distances(queries, keys, device=None):
    if queries > keys:
        raise ValueError(f"query must not be longer than key ({keys}) in a relative scheme, got {queries}")
    columns = torch.arange(keys, device=device)
    return columns - columns[keys - queries :].unsqueeze(-1)


class T5Bias(nn.Module):
    def __init__(self, num_heads, *, num_buckets=32, max_distance=128, bidirectional=True):
        super().__init__()
        self.num_buckets, self.max_distance = num_buckets, max_distance
        self.bidirectional = bidirectional
        self.bias = nn.Embedding(num_buckets, num_heads)

    def scores(self, query, key):
        distances = relative_distances(query.shape[-2], key.shape[-2], query.device)
        buckets = t5_bucket(distances, self.num_buckets, self.max_distance, self.bidirectional)
        return self.bias(buckets).permute(2, 0, 1)


def bias_numbers():
    return torch.zeros(32)


relative_bias = T5Bias(1).scores
