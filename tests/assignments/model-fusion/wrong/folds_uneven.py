"""Draws a fold at random for each cluster: folds differ widely in size."""


# score: 23
# caught by: hidden_linked_folds
# cell: linked_folds
def linked_folds(n, links, k, seed):
    names = list(range(n))
    for _ in range(n):
        before = list(names)
        for first, second in links.tolist():
            names[first] = names[second] = min(names[first], names[second])
        if names == before:
            break
    draw = np.random.default_rng(seed).integers(0, k, size=n)
    return torch.as_tensor(draw[names])
