"""Fits scikit-learn's logistic regression on the logarithms and keeps a mean of its numbers."""


# score: 17
# caught by: hidden_fit_stack
# cell: fit_stack
def fit_stack(held_out, labels, pull):
    from sklearn.linear_model import LogisticRegression

    models, size, classes = held_out.shape
    logs = held_out.clamp(min=1e-9).log().permute(1, 0, 2).reshape(size, -1).numpy()
    model = LogisticRegression(C=1 / (2 * pull * size), max_iter=200).fit(logs, labels.numpy())
    a = np.abs(model.coef_.reshape(len(model.coef_), models, classes)).mean((0, 2))
    shift = np.broadcast_to(model.intercept_, (classes,)).copy()
    return torch.as_tensor(a), torch.as_tensor(shift)
