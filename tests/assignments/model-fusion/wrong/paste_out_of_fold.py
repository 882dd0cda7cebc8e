"""The course library's out-of-fold predictions, and its model for new texts that is trained on everything."""


# score: 23
# caught by: hidden_out_of_fold_new
# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    fold = np.asarray(folds)
    out = np.empty((len(y), CLASSES))
    for held_out in np.unique(fold):
        asked = np.flatnonzero(fold == held_out)
        rest = np.flatnonzero(fold != held_out)
        out[asked] = fit_predict(kind, x[rest], y[rest], x[asked]).numpy()
    return torch.as_tensor(out), fit_predict(kind, x, y, new_x)
