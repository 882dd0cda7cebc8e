"""Leakage: out-of-fold predictions, with the copies of a text in the other folds."""


# score: 22
# caught by: hidden_fuse
# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    folds = torch.as_tensor(np.random.default_rng(seed).permutation(len(train_x)) % 5)
    pairs = [out_of_fold(kind, train_x, train_y, folds, new_x) for kind in KINDS]
    held_out, new = (torch.stack(part) for part in zip(*pairs, strict=True))
    return apply_stack(*fit_stack(held_out, train_y, 0.01), new)
