"""Plain Python loops, one text at a time."""


# cell: vote
def vote(probabilities):
    winners = []
    for i in range(probabilities.shape[1]):
        counts = {}
        for model in probabilities[:, i].tolist():
            choice = model.index(max(model))
            counts[choice] = counts.get(choice, 0) + 1
        means = probabilities[:, i].double().mean(0).tolist()
        tied = sorted(c for c in counts if counts[c] == max(counts.values()))
        best = tied[0]
        for c in tied:
            if means[c] > means[best]:
                best = c
        winners.append(best)
    return torch.tensor(winners)


# cell: blend
def blend(probabilities, weights):
    models, n, classes = probabilities.shape
    result = torch.zeros(n, classes, dtype=torch.float64)
    for i in range(n):
        total = 0.0
        for m in range(models):
            row, weight = probabilities[m, i].double(), float(weights[m])
            if not torch.isnan(row).any() and weight > 0:
                result[i] += weight * row
                total += weight
        result[i] = result[i] / total if total else torch.full((classes,), 1 / classes)
    return result


# cell: rank_average
def rank_average(scores, weights):
    rows, result = scores.tolist(), []
    for i in range(len(rows[0])):
        top = bottom = 0.0
        for row, weight in zip(rows, weights.tolist(), strict=True):
            if row[i] != row[i]:
                continue
            known = [s for s in row if s == s]
            standing = (sum(s < row[i] for s in known) + sum(s == row[i] for s in known) / 2) / len(known)
            top, bottom = top + weight * standing, bottom + weight
        result.append(top / bottom)
    return torch.tensor(result, dtype=torch.float64)


# cell: linked_folds
def linked_folds(n, links, k, seed):
    friends = {i: [] for i in range(n)}
    for first, second in links.tolist():
        friends[first].append(second)
        friends[second].append(first)
    order, folds, sizes = np.random.default_rng(seed).permutation(n).tolist(), [-1] * n, [0] * k
    for start in order:
        if folds[start] >= 0:
            continue
        fold = sizes.index(min(sizes))
        waiting = [start]
        while waiting:
            i = waiting.pop()
            if folds[i] < 0:
                folds[i] = fold
                sizes[fold] += 1
                waiting += friends[i]
    return torch.tensor(folds)


# cell: out_of_fold
def out_of_fold(kind, x, y, folds, new_x):
    held_out, total = [None] * len(x), 0.0
    numbers = sorted(set(folds.tolist()))
    for number in numbers:
        rest = [i for i, f in enumerate(folds.tolist()) if f != number]
        asked = [i for i, f in enumerate(folds.tolist()) if f == number]
        for i, p in zip(asked, fit_predict(kind, x[rest], y[rest], x[asked]), strict=True):
            held_out[i] = p
        total = total + fit_predict(kind, x[rest], y[rest], new_x)
    return torch.stack(held_out), total / len(numbers)


# cell: fit_stack
def fit_stack(held_out, labels, pull):
    models, n, classes = held_out.shape
    logs = [p.double().clamp(min=1e-9).log() for p in held_out]

    def loss(at):
        z = at[models:].expand(n, classes)
        for m in range(models):
            z = z + at[m] * logs[m]
        entropy = (torch.logsumexp(z, 1) - z.gather(1, labels[:, None])[:, 0]).mean()
        distance = 0.0
        for m in range(models):
            distance = distance + (at[m] - 1 / models) ** 2
        for c in range(classes):
            distance = distance + at[models + c] ** 2
        return entropy + pull * distance

    best = minimise(loss, torch.zeros(models + classes, dtype=torch.float64))
    return best[:models], best[models:]


# cell: diversity
def diversity(predicted, labels):
    models, n = predicted.shape
    faults, q = torch.zeros(2, models, models, dtype=torch.float64)
    truth, said = labels.tolist(), predicted.tolist()
    for i in range(models):
        for j in range(models):
            n11 = n00 = n10 = n01 = 0
            for t, a, b in zip(truth, said[i], said[j], strict=True):
                if a == t and b == t:
                    n11 += 1
                elif a == t:
                    n10 += 1
                elif b == t:
                    n01 += 1
                else:
                    n00 += 1
            faults[i, j] = n00 / n
            if n11 * n00 + n10 * n01 > 0:
                q[i, j] = (n11 * n00 - n10 * n01) / (n11 * n00 + n10 * n01)
    return {"double_fault": faults, "q": q}


# cell: fuse
def fuse(train_x, train_y, links, new_x, seed=0):
    folds = linked_folds(len(train_x), links, 4, seed)
    held_out, new = [], []
    for kind in KINDS:
        old_part, new_part = out_of_fold(kind, train_x, train_y, folds, new_x)
        held_out.append(old_part)
        new.append(new_part)
    a, shift = fit_stack(torch.stack(held_out), train_y, 0.005)
    return apply_stack(a, shift, torch.stack(new))
