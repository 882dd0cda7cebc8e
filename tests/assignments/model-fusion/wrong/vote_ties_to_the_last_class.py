"""Counts votes and lets the highest class win a tie."""


# score: 23
# caught by: hidden_vote
# cell: vote
def vote(probabilities):
    classes = probabilities.shape[-1]
    votes = torch.nn.functional.one_hot(probabilities.argmax(-1), classes).sum(0)
    return classes - 1 - votes.flip(-1).argmax(-1)
