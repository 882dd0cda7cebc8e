"""Leaves `nearest` out because the leaderboard said so, and fails in the other contest."""


# score: 23
# caught by: hidden_fuse_other
# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    each = torch.stack([fit_predict(kind, train_x, train_y, new_x) for kind in KINDS[:3]])
    return blend(each, torch.ones(3))
