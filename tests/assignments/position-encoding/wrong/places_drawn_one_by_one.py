"""Places are drawn at random and sorted: a text gets gaps."""
# score: 24
# caught by: test_random_places
# cell: random_places
def random_places(batch, length, size, seed):
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randperm(size, generator=generator)[:length].sort().values for _ in range(batch)]
    return torch.stack(drawn)
