"""The course library's stacking: a full second level on log-odds, and folds that know no links."""


# score: 22
# caught by: hidden_fuse
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
