"""Trains on one other fold instead of all others."""


# score: 17
# caught by: hidden_out_of_fold
# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    held_out, new = torch.zeros(len(x), CLASSES, dtype=torch.float64), []
    numbers = folds.unique().tolist()
    for place, fold in enumerate(numbers):
        out, rest = folds == fold, folds == numbers[place - 1]
        held_out[out] = fit_predict(kind, x[rest], y[rest], x[out])
        new.append(fit_predict(kind, x[rest], y[rest], new_x))
    return held_out, torch.stack(new).mean(0)
