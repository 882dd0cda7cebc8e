"""Draws which texts to use without the seed: two calls, two answers."""


# score: 24
# caught by: test_adapt
# cell: adapt
def adapt(source_x, source_y, target_x, test_x, seed=0):
    truth = torch.nn.functional.one_hot(source_y, 2).double()
    model = fit_softmax(source_x, truth, torch.ones(len(truth), dtype=torch.float64))
    online = target_shares(predict(model, target_x).softmax(-1), truth.mean(0), rounds=50)
    weights = label_weights(source_y, online)
    model = fit_softmax(source_x, truth, weights)
    for _ in range(5):
        some = target_x[np.random.default_rng().permutation(len(target_x))[:1200]]
        labels = quota(predict(model, some).softmax(-1), online, total=750)
        used = labels >= 0
        guesses = torch.nn.functional.one_hot(labels[used], 2).double()
        both = torch.cat([source_x, some[used]]), torch.cat([truth, guesses])
        model = fit_softmax(*both, torch.cat([weights, torch.full((len(guesses),), 0.5)]))
    return predict(model, test_x).argmax(-1)
