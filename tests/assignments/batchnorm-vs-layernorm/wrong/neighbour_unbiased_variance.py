"""Takes the unbiased variance of the two words, d²/2."""
# score: 22
# caught by: hidden_neighbour
# cell: neighbour
def neighbour_for(word, target, eps=1e-5):
    distance = 2 * target * torch.sqrt(eps / (1 - 2 * target**2).clamp(min=1e-3))
    return word - distance
