"""Feeds probabilities to the softmax instead of their logarithms."""


# score: 22
# caught by: hidden_fit_stack
# cell: fit_stack
def fit_stack(held_out, labels, pull):
    models, size, classes = held_out.shape
    logs = held_out.double()
    home = torch.cat([torch.full((models,), 1 / models), torch.zeros(classes)]).double()

    def loss(at):
        logits = torch.einsum("m,mnc->nc", at[:models], logs) + at[models:]
        entropy = torch.nn.functional.cross_entropy(logits, labels, reduction="mean")
        return entropy + pull * (at - home).square().sum()

    best = minimise(loss, torch.full_like(home, 1 / models))
    return best[:models], best[models:]
