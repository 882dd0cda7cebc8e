"""Puts the neighbour above the word where the word should come out high."""
# score: 22
# caught by: hidden_neighbour
# cell: neighbour
def neighbour_for(word, target, eps=1e-5):
    distance = 2 * target * torch.sqrt(eps / (1 - target**2))
    return word + distance
