"""The course library's vote, in which the earliest model decides a tie."""


# score: 23
# caught by: hidden_vote
# cell: vote
def vote_shares(votes, num_classes):
    each = np.asarray(votes)
    shares = np.zeros((each.shape[1], num_classes))
    for row in each:
        shares[np.arange(len(row)), row] += 1 / len(each)
    return shares


def vote(probabilities):
    each = probabilities.argmax(-1).numpy()
    shares = vote_shares(each, probabilities.shape[-1])
    leads = shares >= shares.max(1, keepdims=True) - 1e-12
    by_leader = np.take_along_axis(leads, each.T, axis=1)
    return torch.as_tensor(each[by_leader.argmax(1), np.arange(each.shape[1])])
