"""Stops after the label weights: better than nothing, but no word of the series is learned."""


# score: 22
# caught by: hidden_adapt_both
# cell: adapt
def adapt(source_x, source_y, target_x, test_x, seed=0):
    truth = torch.nn.functional.one_hot(source_y, 2).double()
    model = fit_softmax(source_x, truth, torch.ones(len(truth), dtype=torch.float64))
    online = target_shares(predict(model, target_x).softmax(-1), truth.mean(0), rounds=50)
    return predict(fit_softmax(source_x, truth, label_weights(source_y, online)), test_x).argmax(-1)
