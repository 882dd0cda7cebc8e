"""Adds every guess above a threshold, in one round, without a look at the label distribution."""


# score: 20
# caught by: hidden_adapt
# cell: adapt
def adapt(source_x, source_y, target_x, test_x, seed=0):
    truth = torch.nn.functional.one_hot(source_y, 2).double()
    weights = torch.ones(len(truth), dtype=torch.float64)
    model = fit_softmax(source_x, truth, weights)
    guesses = pseudo_targets(predict(model, target_x), 0.8, 20.0)
    both = torch.cat([source_x, target_x]), torch.cat([truth, guesses])
    model = fit_softmax(*both, torch.cat([weights, torch.full((len(target_x),), 0.5)]))
    return predict(model, test_x).argmax(-1)
