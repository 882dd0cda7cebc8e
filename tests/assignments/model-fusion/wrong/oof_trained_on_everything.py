"""Trains on all texts and predicts each fold: every text has been seen."""


# score: 16
# caught by: hidden_out_of_fold
# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    held_out, new = torch.zeros(len(x), CLASSES, dtype=torch.float64), []
    for fold in folds.unique():
        out = folds == fold
        rest = torch.ones_like(out)
        held_out[out] = fit_predict(kind, x[rest], y[rest], x[out])
        new.append(fit_predict(kind, x[rest], y[rest], new_x))
    return held_out, torch.stack(new).mean(0)
