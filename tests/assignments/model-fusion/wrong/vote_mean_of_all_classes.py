"""Settles a tie by the mean probability of every class, also of those that nobody voted for."""


# score: 24
# caught by: hidden_vote
# cell: vote
def vote(probabilities):
    votes = torch.nn.functional.one_hot(probabilities.argmax(-1), probabilities.shape[-1]).sum(0)
    ties = (votes == votes.amax(-1, keepdim=True)).sum(-1) > 1
    return torch.where(ties, probabilities.mean(0).argmax(-1), votes.argmax(-1))
