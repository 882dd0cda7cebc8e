"""Hands everything to scikit-learn's StackingClassifier, which is refused (and knows no links)."""


# score: 20
# caught by: hidden_fuse
# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    from sklearn.ensemble import StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    parts = [("linear", LogisticRegression(max_iter=20)), ("nearest", KNeighborsClassifier(1))]
    model = StackingClassifier(parts, cv=2).fit(train_x.numpy(), train_y.numpy())
    return torch.as_tensor(model.predict_proba(new_x.numpy()))
