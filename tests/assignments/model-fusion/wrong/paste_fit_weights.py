"""The course library's weights for the arithmetic average, which know neither classes nor a pull."""


# score: 20
# caught by: hidden_fit_stack
# cell: fit_stack
def fit_stack(held_out, labels, pull):
    p, y = held_out.double().numpy(), labels.numpy()
    of_truth = p[:, np.arange(len(y)), y]
    w = np.full(len(p), 1 / len(p))
    for _ in range(5000):
        g = (of_truth / (w @ of_truth)).mean(1)
        if g.max() - 1 <= 1e-6:
            break
        w = w * g
    return torch.as_tensor(w / w.sum()), torch.zeros(p.shape[2], dtype=torch.float64)
