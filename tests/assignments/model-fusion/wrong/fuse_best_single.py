"""Chooses the best model by out-of-fold predictions and fuses nothing."""


# score: 23
# caught by: hidden_fuse
# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    folds = linked_folds(len(train_x), links, 5, seed)
    pairs = [out_of_fold(kind, train_x, train_y, folds, new_x) for kind in KINDS]
    scores = [(p.argmax(-1) == train_y).double().mean() for p, _ in pairs]
    return pairs[int(torch.stack(scores).argmax())][1]
