"""Shuffles the texts and deals them out: copies land in different folds."""


# score: 19
# caught by: hidden_linked_folds
# cell: linked_folds
def linked_folds(n, links, k, seed):
    order = np.random.default_rng(seed).permutation(n)
    folds = torch.zeros(n, dtype=torch.int64)
    folds[order] = torch.arange(n) % k
    return folds
