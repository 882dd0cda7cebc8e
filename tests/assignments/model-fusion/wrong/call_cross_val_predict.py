"""Hands the folds to scikit-learn with a model of its own; refused."""


# score: 16
# caught by: hidden_out_of_fold
# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    model, split = LogisticRegression(max_iter=30), PredefinedSplit(folds.numpy())
    held_out = cross_val_predict(model, x.numpy(), y.numpy(), cv=split, method="predict_proba")
    new = model.fit(x.numpy(), y.numpy()).predict_proba(new_x.numpy())
    return torch.as_tensor(held_out), torch.as_tensor(new)
