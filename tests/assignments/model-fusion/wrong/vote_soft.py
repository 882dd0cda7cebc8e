"""Takes the class with the highest mean probability: no vote at all."""


# score: 24
# caught by: hidden_vote
# cell: vote
def vote(probabilities):
    return probabilities.mean(0).argmax(-1)
