"""tanh is written out with exponentials, and infinity over infinity is not a number."""
# score: 20
# caught by: hidden_gelu_far
# cell: gelu_approximations
def gelu_tanh(x, mean=0.0, std=1.0, c=0.044715):
    z = (x - mean) / std
    u = math.sqrt(2 / math.pi) * (z + c * z**3)
    return 0.5 * x * (1 + (torch.exp(u) - torch.exp(-u)) / (torch.exp(u) + torch.exp(-u)))


def gelu_sigmoid(x, mean=0.0, std=1.0, c=1.702):
    return x * torch.sigmoid(c * (x - mean) / std)
