"""Tensor operations throughout, in another order than the reference's."""


# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    pseudo = is_pseudo.to(losses.dtype)
    m = pseudo.sum()
    n = len(losses) - m
    separate_weights = w_true * (1 - pseudo) / n.clamp(min=1) + w_pseudo * pseudo / m.clamp(min=1)
    pooled_weights = (w_true * (1 - pseudo) + w_pseudo * pseudo) / len(losses)
    return separate_weights @ losses, pooled_weights @ losses


# cell: equal_weights
def equal_weights(is_pseudo, w_true, w_pseudo):
    share = is_pseudo.double().mean()
    return torch.where(is_pseudo, w_pseudo / share, w_true / (1 - share))


# cell: rule
def rule(n, w_true, w_pseudo):
    ends = np.array([5, 10]) * n * w_true / w_pseudo
    whole = np.abs(ends - ends.round()) < 1e-9
    m = np.where(whole, ends.round(), [np.ceil(ends[0]), np.floor(ends[1])])
    heard = m * w_pseudo
    share = w_pseudo / (w_true + w_pseudo)
    return {
        "counts": tuple(int(k) for k in m),
        "pooled": tuple(float(s) for s in heard / (heard + n * w_true)),
        "separate": (share, share),
    }


# cell: label_weights
def label_weights(labels, shares, limit=math.inf):
    one_hot = torch.nn.functional.one_hot(labels, len(shares)).double()
    quotient = (shares.double() / one_hot.mean(0)).nan_to_num(posinf=0.0).clamp(max=limit)
    weights = one_hot @ quotient
    return weights * (len(labels) / weights.sum())


# cell: target_shares
def target_shares(probabilities, source_shares, rounds, strength=0.0):
    log_odds = probabilities.clamp(min=1e-300).log() - source_shares.log()
    log_q = source_shares.log()
    for _ in range(rounds):
        responsibility = (log_odds + log_q).softmax(-1)
        total = responsibility.sum(0) + strength * source_shares
        log_q = (total / total.sum()).log()
    return log_q.exp()


# cell: pseudo_targets
def pseudo_targets(logits, threshold, sharpness=1.0):
    with torch.no_grad():
        p = logits.softmax(-1)
        sure = p.max(-1).values >= threshold
        raised = p**sharpness
        return raised / raised.sum(-1, keepdim=True) * sure[:, None]


# cell: quota
def quota(probabilities, shares, total):
    left = probabilities.clone().double()
    room = torch.floor(shares.double() * total + 0.5).long()
    chosen = torch.full((len(left),), -1)
    left[:, room == 0] = -1
    for _ in range(min(int(room.sum()), len(left))):
        text, label = divmod(int(left.argmax()), left.shape[1])
        chosen[text] = label
        left[text] = -1
        room[label] -= 1
        if room[label] == 0:
            left[:, label] = -1
    return chosen


# cell: adapt
def adapt(source_x, source_y, target_x, test_x, seed=0):
    truth = torch.eye(2, dtype=torch.float64)[source_y]
    weights = torch.ones(len(truth), dtype=torch.float64)
    online = truth.mean(0)
    model = fit_softmax(source_x, truth, weights)
    online = target_shares(predict(model, target_x).softmax(-1), online, rounds=30, strength=20.0)
    weights = label_weights(source_y, online, limit=5.0)
    model = fit_softmax(source_x, truth, weights)
    for _ in range(3):
        p = predict(model, target_x).softmax(-1)
        guesses = torch.zeros_like(p)
        for c in range(2):
            surest = p[:, c].topk(int(0.45 * len(p) * float(online[c]))).indices
            guesses[surest, c] = 1.0
        heard = torch.cat([weights, torch.full((len(p),), 1.0, dtype=torch.float64)])
        model = fit_softmax(torch.cat([source_x, target_x]), torch.cat([truth, guesses]), heard)
    return predict(model, test_x).argmax(-1)
