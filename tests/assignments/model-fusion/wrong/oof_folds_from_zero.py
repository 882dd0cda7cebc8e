"""Expects the folds to be numbered 0, 1, 2, ... without gaps."""


# score: 22
# caught by: hidden_out_of_fold
# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    held_out, new = torch.zeros(len(x), CLASSES, dtype=torch.float64), []
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        if not out.any():
            continue
        rest = (folds != fold) & (folds < len(folds.unique()))
        if not rest.any():
            continue
        held_out[out] = fit_predict(kind, x[rest], y[rest], x[out])
        new.append(fit_predict(kind, x[rest], y[rest], new_x))
    return held_out, torch.stack(new).mean(0)
