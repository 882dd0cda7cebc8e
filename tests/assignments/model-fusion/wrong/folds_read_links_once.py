"""Copies the fold along each link once, in the order they come: longer chains fall apart."""


# score: 23
# caught by: hidden_linked_folds
# cell: linked_folds
def linked_folds(n, links, k, seed):
    leader = list(range(n))

    for first, second in links.tolist():
        leader[second] = leader[first]
    clusters = {}
    for i in range(n):
        clusters.setdefault(leader[i], []).append(i)
    members = list(clusters.values())
    folds, sizes = torch.zeros(n, dtype=torch.int64), [0] * k
    for place in np.random.default_rng(seed).permutation(len(members)):
        smallest = sizes.index(min(sizes))
        folds[members[place]] = smallest
        sizes[smallest] += len(members[place])
    return folds
