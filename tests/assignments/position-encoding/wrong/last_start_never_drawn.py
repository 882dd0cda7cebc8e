"""The last start that fits is never drawn, so the table's last row is never trained."""
# score: 25
# caught by: hidden_random_places
# cell: random_places
def random_places(batch, length, size, seed):
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, max(size - length, 1), (batch, 1), generator=generator)
    return starts + torch.arange(length)
