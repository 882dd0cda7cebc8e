"""Takes W1 and W2 themselves for the weights of the pooled loss."""


# score: 24
# caught by: hidden_equal_weights
# cell: equal_weights
def equal_weights(is_pseudo, w_true, w_pseudo):
    return torch.where(is_pseudo, w_pseudo, w_true).double()
