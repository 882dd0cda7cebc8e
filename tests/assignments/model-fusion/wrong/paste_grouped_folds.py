"""The course library's grouped folds: the links are taken for groups, each text's last partner being its group."""


# score: 23
# caught by: hidden_linked_folds
# cell: linked_folds
def deal(sizes, order, k):
    filled, fold_of = np.zeros(k), np.empty(len(sizes), np.int64)
    for place, group in enumerate(order.tolist()):
        growth = (filled + sizes[group]) ** 2 - filled**2
        empty = filled == 0
        if len(order) - place <= empty.sum():
            growth[~empty] = np.inf
        fold_of[group] = int(growth.argmin())
        filled[fold_of[group]] += sizes[group]
    return fold_of


def linked_folds(n, links, k, seed):
    groups = np.arange(n)
    for first, second in links.tolist():
        groups[second] = groups[first]
    _, group = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group).astype(float)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    return torch.as_tensor(deal(sizes, order, k)[group])
