"""T5's buckets, pasted from course_lib with a line that looks the numbers up: they jump."""
# score: 21
# caught by: hidden_bias_between
# cell: scheme
def t5_bucket(distances, num_buckets, max_distance, bidirectional):
    side = num_buckets // 2 if bidirectional else num_buckets
    exact = side // 2
    away = distances.abs() if bidirectional else (-distances).clamp(min=0)
    ratio = torch.log(away.float().clamp(min=1) / exact) / math.log(max_distance / exact)
    wide = (exact + (ratio * (side - exact)).long()).clamp(max=side - 1)
    bucket = torch.where(away < exact, away.long(), wide)
    return bucket + side * (distances > 0).long() if bidirectional else bucket


def bias_numbers():
    return torch.zeros(32)


def relative_bias(numbers, places):
    distances = places - places.unsqueeze(-1)
    return numbers[t5_bucket(distances, 32, 128, True)]
