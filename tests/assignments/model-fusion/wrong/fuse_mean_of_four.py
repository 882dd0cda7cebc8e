"""Averages all four models: the overconfident one drowns the others."""


# score: 20
# caught by: hidden_fuse
# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    each = torch.stack([fit_predict(kind, train_x, train_y, new_x) for kind in KINDS])
    return blend(each, torch.ones(4))
