"""Takes a few small steps downhill and calls it a minimum."""


# score: 20
# caught by: hidden_fit_stack
# cell: fit_stack
def fit_stack(held_out, labels, pull):
    models, _, classes = held_out.shape
    logs = held_out.double().clamp(min=1e-9).log()
    home = torch.cat([torch.full((models,), 1 / models), torch.zeros(classes)]).double()
    at = home.clone()
    for _ in range(20):
        at.requires_grad_()
        logits = torch.einsum("m,mnc->nc", at[:models], logs) + at[models:]
        loss = torch.nn.functional.cross_entropy(logits, labels) + pull * (at - home).square().sum()
        at = (at - 0.02 * torch.autograd.grad(loss, at)[0]).detach()
    return at[:models], at[models:]
