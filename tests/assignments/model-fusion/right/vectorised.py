"""Arrays throughout, in another order than the reference's."""


# cell: vote
def vote(probabilities):
    m, n, c = probabilities.shape
    votes = torch.zeros(n, c, dtype=torch.float64)
    for choice in probabilities.argmax(-1):
        votes[torch.arange(n), choice] += 1
    return (votes * 1000 * m + probabilities.double().sum(0)).argmax(-1)


# cell: blend
def blend(probabilities, weights):
    p = np.ma.masked_invalid(probabilities.double().numpy())
    w = np.broadcast_to(weights.double().numpy()[:, None, None], p.shape)
    mean = np.ma.average(p, axis=0, weights=w)
    alone = np.full(p.shape[1:], 1 / p.shape[-1])
    filled = np.where(np.ma.getmaskarray(mean), alone, np.ma.filled(mean, 0.0))
    heard = (w * ~np.ma.getmaskarray(p)).sum(0) > 0
    return torch.as_tensor(np.where(heard, filled, alone))


# cell: rank_average
def rank_average(scores, weights):
    s = scores.double()
    there = ~s.isnan()
    bigger = (s[:, :, None] > s[:, None, :]).double()
    equal = (s[:, :, None] == s[:, None, :]).double()
    standing = (bigger + 0.5 * equal).sum(-1) / there.sum(-1, keepdim=True)
    w = weights.double()[:, None] * there
    return (w * standing).sum(0) / w.sum(0)


# cell: linked_folds
def linked_folds(n, links, k, seed):
    name = np.arange(n)
    pairs = links.numpy()
    while len(pairs):
        low = np.minimum(name[pairs[:, 0]], name[pairs[:, 1]])
        before = name.copy()
        np.minimum.at(name, pairs[:, 0], low)
        np.minimum.at(name, pairs[:, 1], low)
        if (before == name).all():
            break
    _, cluster, sizes = np.unique(name, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.zeros(len(sizes), np.int64), np.zeros(k)
    for c in order:
        fold_of[c] = filled.argmin()
        filled[fold_of[c]] += sizes[c]
    return torch.as_tensor(fold_of[cluster])


# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    numbers = folds.unique().tolist()
    everything = torch.cat([x, new_x])
    all_of_them = torch.stack([fit_predict(kind, x[folds != f], y[folds != f], everything) for f in numbers])
    own = (folds[None] == torch.tensor(numbers)[:, None]).double()  # (folds, N)
    held_out = torch.einsum("fn,fnc->nc", own, all_of_them[:, : len(x)])
    return held_out, all_of_them[:, len(x) :].mean(0)


# cell: fit_stack
def fit_stack(held_out, labels, pull):
    models, n, classes = held_out.shape
    logs = held_out.double().clamp(min=1e-9).log().permute(1, 2, 0)  # (N, C, M)
    design = torch.cat([logs, torch.eye(classes).double().expand(n, -1, -1)], dim=-1)  # (N, C, M + C)
    home = torch.zeros(models + classes, dtype=torch.float64)
    home[:models] = 1 / models
    rows = torch.arange(n)

    def loss(at):
        log_q = (design @ at).log_softmax(-1)
        return -log_q[rows, labels].mean() + pull * ((at - home) ** 2).sum()

    return minimise(loss, torch.zeros_like(home)).split([models, classes])


# cell: diversity
def diversity(predicted, labels):
    right = predicted == labels
    a, b = right[:, None], right[None]
    n11, n00 = (a & b).sum(-1).double(), (~a & ~b).sum(-1).double()
    n10, n01 = (a & ~b).sum(-1).double(), (~a & b).sum(-1).double()
    q = (n11 * n00 - n10 * n01) / (n11 * n00 + n10 * n01)
    return {"double_fault": n00 / predicted.shape[1], "q": q.nan_to_num(0.0)}


# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    folds = linked_folds(len(train_x), links, 6, seed)
    held_out = [out_of_fold(kind, train_x, train_y, folds, new_x)[0] for kind in KINDS]
    new = [fit_predict(kind, train_x, train_y, new_x) for kind in KINDS]
    return apply_stack(*fit_stack(torch.stack(held_out), train_y, 0.02), torch.stack(new))
