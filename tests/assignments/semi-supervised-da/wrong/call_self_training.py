"""Hands the contest to scikit-learn's self-training, which is refused (and would not help)."""


# score: 19
# caught by: test_adapt
# cell: adapt
def adapt(source_x, source_y, target_x, test_x, seed=0):
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import SelfTrainingClassifier

    x = np.concatenate([source_x.numpy(), target_x.numpy()])
    y = np.concatenate([source_y.numpy(), np.full(len(target_x), -1)])
    model = SelfTrainingClassifier(LogisticRegression(max_iter=200), threshold=0.8, max_iter=3).fit(x, y)
    return torch.as_tensor(model.predict(test_x.numpy()))
