"""Learns from the books alone."""


# score: 20
# caught by: hidden_adapt
# cell: adapt
def adapt(source_x, source_y, target_x, test_x, seed=0):
    truth = torch.nn.functional.one_hot(source_y, 2).double()
    model = fit_softmax(source_x, truth, torch.ones(len(truth), dtype=torch.float64))
    return predict(model, test_x).argmax(-1)
