"""The course library's functions in every cell."""


# score: 6
# caught by: hidden_fuse
# cell: vote
def vote_shares(votes, num_classes):
    each = np.asarray(votes)
    shares = np.zeros((each.shape[1], num_classes))
    for row in each:
        shares[np.arange(len(row)), row] += 1 / len(each)
    return shares


def vote(probabilities):
    each = probabilities.argmax(-1).numpy()
    shares = vote_shares(each, probabilities.shape[-1])
    leads = shares >= shares.max(1, keepdims=True) - 1e-12
    by_leader = np.take_along_axis(leads, each.T, axis=1)
    return torch.as_tensor(each[by_leader.argmax(1), np.arange(each.shape[1])])


# cell: blend
def blend(probabilities, weights):
    p, w = probabilities.double().numpy(), weights.double().numpy()
    return torch.as_tensor(np.tensordot(w / w.sum(), p, axes=1))


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


# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    fold = np.asarray(folds)
    out = np.empty((len(y), CLASSES))
    for held_out in np.unique(fold):
        asked = np.flatnonzero(fold == held_out)
        rest = np.flatnonzero(fold != held_out)
        out[asked] = fit_predict(kind, x[rest], y[rest], x[asked]).numpy()
    return torch.as_tensor(out), fit_predict(kind, x, y, new_x)


# cell: fit_stack
def fit_stack(held_out, labels, pull):
    p, y = held_out.double().numpy(), labels.numpy()
    of_truth = p[:, np.arange(len(y)), y]
    w = np.full(len(p), 1 / len(p))
    for _ in range(5000):
        g = (of_truth / (w @ of_truth)).mean(1)
        if g.max() - 1 <= 1e-6:
            break
        w = w * g
    return torch.as_tensor(w / w.sum()), torch.zeros(p.shape[2], dtype=torch.float64)


# cell: diversity
def diversity(predicted, labels):
    said, errors = predicted.numpy(), (predicted != labels).double().numpy()
    centred = errors - errors.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).mean(1))
    scale = np.outer(spread, spread)
    correlation = np.where(scale > 0, centred @ centred.T / errors.shape[1] / np.maximum(scale, 1e-12), 0.0)
    disagreement = (said[:, None] != said[None]).mean(-1)
    return {"double_fault": torch.as_tensor(disagreement), "q": torch.as_tensor(correlation)}


# cell: fuse
def meta_features(p):
    logs = np.log(p.clip(1e-6, 1 - 1e-6))
    p = logs - logs[..., :1]
    return p[..., 1:].transpose(1, 0, 2).reshape(p.shape[1], -1)


def stratified_folds(y, num_folds, seed):
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    folds = np.empty(len(y), np.int64)
    folds[order] = np.arange(len(y)) % num_folds
    return folds


def fuse(train_x, train_y, links, new_x, seed=0):
    fold = stratified_folds(train_y.numpy(), 5, seed)
    held_out = np.zeros((4, len(train_x), CLASSES))
    for m, kind in enumerate(KINDS):
        for k in range(5):
            rest, asked = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            held_out[m, asked] = fit_predict(kind, train_x[rest], train_y[rest], train_x[asked]).numpy()
    first = np.stack([fit_predict(kind, train_x, train_y, new_x).numpy() for kind in KINDS])
    y = train_y.numpy()
    return torch.as_tensor(softmax_regression(meta_features(held_out), y, meta_features(first), 1.0))


# cell: rank_average
def rank_average(scores, weights):
    s, w = scores.double().numpy(), weights.double().numpy()
    places = (s.argsort(1).argsort(1)) / (s.shape[1] - 1)
    return torch.as_tensor(w / w.sum() @ places)
