"""Plain Python loops, one example at a time."""


# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    sums, counts = {False: logits.new_zeros(()), True: logits.new_zeros(())}, {False: 0, True: 0}
    for z, t, guess in zip(logits, targets, is_pseudo.tolist(), strict=True):
        loss = (t * (torch.logsumexp(z, 0) - z)).sum()
        sums[guess] = sums[guess] + loss
        counts[guess] += 1
    separate, pooled = logits.new_zeros(()), logits.new_zeros(())
    for guess, weight in ((False, w_true), (True, w_pseudo)):
        if counts[guess]:
            separate = separate + weight * sums[guess] / counts[guess]
            pooled = pooled + weight * sums[guess] / len(logits)
    return separate, pooled


# cell: equal_weights
def equal_weights(is_pseudo, w_true, w_pseudo):
    flags = is_pseudo.tolist()
    weights = []
    for flag in flags:
        same = flags.count(flag)
        weights.append((w_pseudo if flag else w_true) * len(flags) / same)
    return torch.tensor(weights, dtype=torch.float64)


# cell: rule
def rule(n, w_true, w_pseudo):
    def allowed(m):
        return 5 * n * w_true - 1e-9 * w_pseudo <= m * w_pseudo <= 10 * n * w_true + 1e-9 * w_pseudo

    around = range(int(5 * n * w_true / w_pseudo) - 1, int(10 * n * w_true / w_pseudo) + 3)
    fitting = [m for m in around if allowed(m)]
    if fitting:
        low, high = fitting[0], fitting[-1]
    else:
        low, high = math.ceil(5 * n * w_true / w_pseudo), math.floor(10 * n * w_true / w_pseudo)
    pooled, separate = [], []
    for m in (low, high):
        pooled.append(sum([w_pseudo] * m) / (sum([w_pseudo] * m) + sum([w_true] * n)))
        separate.append(w_pseudo / (w_pseudo + w_true))
    return {"counts": [low, high], "pooled": pooled, "separate": separate}


# cell: label_weights
def label_weights(labels, shares, limit=math.inf):
    labels = labels.tolist()
    weights = []
    for y in labels:
        offline = labels.count(y) / len(labels)
        weights.append(min(float(shares[y]) / offline, limit))
    mean = sum(weights) / len(weights)
    return torch.tensor([w / mean for w in weights], dtype=torch.float64)


# cell: target_shares
def target_shares(probabilities, source_shares, rounds, strength=0.0):
    p, rows = source_shares.tolist(), probabilities.tolist()
    q = list(p)
    for _ in range(rounds):
        counts = [strength * share for share in p]
        for row in rows:
            repaired = [x * new / old for x, new, old in zip(row, q, p, strict=True)]
            for c, x in enumerate(repaired):
                counts[c] += x / sum(repaired)
        q = [count / (len(rows) + strength) for count in counts]
    return torch.tensor(q, dtype=torch.float64)


# cell: pseudo_targets
def pseudo_targets(logits, threshold, sharpness=1.0):
    rows = []
    for z in logits.detach():
        p = z.softmax(0)
        if p.max() < threshold:
            rows.append(torch.zeros_like(p))
        else:
            rows.append(p.pow(sharpness) / p.pow(sharpness).sum())
    return torch.stack(rows)


# cell: quota
def quota(probabilities, shares, total):
    pairs = []
    for text, row in enumerate(probabilities.tolist()):
        for label, p in enumerate(row):
            pairs.append((-p, text, label))
    room = {label: math.floor(total * float(share) + 0.5) for label, share in enumerate(shares)}
    chosen = {}
    for _, text, label in sorted(pairs):
        if text not in chosen and room[label] > 0:
            chosen[text] = label
            room[label] -= 1
    return torch.tensor([chosen.get(text, -1) for text in range(len(probabilities))])


# cell: adapt
def adapt(source_x, source_y, target_x, test_x, seed=0):
    truth = torch.zeros(len(source_y), 2, dtype=torch.float64)
    for i, y in enumerate(source_y.tolist()):
        truth[i, y] = 1.0
    model = fit_softmax(source_x, truth, torch.ones(len(truth)))
    online = target_shares(predict(model, target_x).softmax(-1), truth.mean(0), rounds=10)
    for _ in range(8):
        labels = quota(predict(model, target_x).softmax(-1), online, total=int(0.4 * len(target_x)))
        x, t, w = list(source_x), list(truth), label_weights(source_y, online).tolist()
        for text, label in zip(target_x, labels.tolist(), strict=True):
            if label >= 0:
                x.append(text)
                t.append(torch.eye(2, dtype=torch.float64)[label])
                w.append(0.5)
        model = fit_softmax(torch.stack(x), torch.stack(t), torch.tensor(w))
    return torch.tensor([int(z.argmax()) for z in predict(model, test_x)])
