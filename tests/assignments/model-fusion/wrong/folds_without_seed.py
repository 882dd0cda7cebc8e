"""Deals the clusters out in their order and ignores the seed."""


# score: 23
# caught by: hidden_linked_folds
# cell: linked_folds
def linked_folds(n, links, k, seed):
    leader = list(range(n))

    def find(i):
        while leader[i] != i:
            i = leader[i]
        return i

    for first, second in links.tolist():
        leader[find(first)] = find(second)
    clusters = {}
    for i in range(n):
        clusters.setdefault(find(i), []).append(i)
    members = list(clusters.values())
    folds, sizes = torch.zeros(n, dtype=torch.int64), [0] * k
    for place in range(len(members)):
        smallest = sizes.index(min(sizes))
        folds[members[place]] = smallest
        sizes[smallest] += len(members[place])
    return folds
