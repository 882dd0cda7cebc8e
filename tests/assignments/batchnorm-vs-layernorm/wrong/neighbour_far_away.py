"""Goes to the right side far away, which gives 1 or -1 for any target."""
# score: 22
# caught by: hidden_neighbour
# cell: neighbour
def neighbour_for(word, target, eps=1e-5):
    distance = 1e4 * target.sign()
    return word - distance
