"""Weights each fold's model by the size of its fold."""


# score: 24
# caught by: hidden_out_of_fold_new
# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    held_out, new = torch.zeros(len(x), CLASSES, dtype=torch.float64), []
    for fold in folds.unique():
        out = folds == fold
        rest = ~out
        held_out[out] = fit_predict(kind, x[rest], y[rest], x[out])
        new.append(fit_predict(kind, x[rest], y[rest], new_x))
    return held_out, sum(
        p * float((folds == f).double().mean()) for p, f in zip(new, folds.unique(), strict=True)
    )
