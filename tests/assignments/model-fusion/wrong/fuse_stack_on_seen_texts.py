"""Leakage: the second level learns from predictions for texts that the models were trained on."""


# score: 20
# caught by: hidden_fuse
# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    seen = torch.stack([fit_predict(kind, train_x, train_y, train_x) for kind in KINDS])
    new = torch.stack([fit_predict(kind, train_x, train_y, new_x) for kind in KINDS])
    return apply_stack(*fit_stack(seen, train_y, 0.01), new)
