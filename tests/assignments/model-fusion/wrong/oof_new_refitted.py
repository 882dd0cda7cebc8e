"""Trains one more model on everything for the new texts, as textbooks' stacking does."""


# score: 23
# caught by: hidden_out_of_fold_new
# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    held_out, new = torch.zeros(len(x), CLASSES, dtype=torch.float64), []
    for fold in folds.unique():
        out = folds == fold
        rest = ~out
        held_out[out] = fit_predict(kind, x[rest], y[rest], x[out])
        new.append(fit_predict(kind, x[rest], y[rest], new_x))
    return held_out, fit_predict(kind, x, y, new_x)
