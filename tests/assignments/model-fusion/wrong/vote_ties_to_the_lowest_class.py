"""Counts votes and takes the first of the leading classes, as most libraries do."""


# score: 23
# caught by: hidden_vote
# cell: vote
def vote(probabilities):
    votes = torch.nn.functional.one_hot(probabilities.argmax(-1), probabilities.shape[-1]).sum(0)
    return votes.argmax(-1)
