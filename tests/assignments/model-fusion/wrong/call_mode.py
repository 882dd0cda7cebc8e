"""Lets torch find the commonest vote; ties go to the lowest class."""


# score: 23
# caught by: hidden_vote
# cell: vote
def vote(probabilities):
    return probabilities.argmax(-1).mode(0).values
