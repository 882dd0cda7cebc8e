"""Starts are drawn from the whole table, and places beyond its end wrap around."""
# score: 25
# caught by: hidden_random_places
# cell: random_places
def random_places(batch, length, size, seed):
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, size, (batch, 1), generator=generator)
    return (starts + torch.arange(length)) % size
