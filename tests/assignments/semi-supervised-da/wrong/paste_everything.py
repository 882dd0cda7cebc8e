"""The course library's functions in every cell."""


# score: 2
# caught by: hidden_adapt
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    weights = torch.where(is_pseudo, w_pseudo, w_true)
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    return (weights * losses).sum(), torch.ones_like(losses).sum()


# cell: equal_weights
def equal_weights(is_pseudo, w_true, w_pseudo):
    true, pseudo = int((~is_pseudo).sum()), int(is_pseudo.sum())
    total = true + pseudo
    each = w_true * total / true, w_pseudo * total / max(pseudo, 1)
    first, second = (torch.tensor(value, dtype=torch.float64) for value in each)
    return torch.cat([first.expand(true), second.expand(pseudo)])


# cell: rule
RULE = (5.0, 10.0)


def rule_interval(true_weight, pseudo_weight):
    low, high = RULE
    return low * true_weight / pseudo_weight, high * true_weight / pseudo_weight


def rule(n, w_true, w_pseudo):
    counts = rule_interval(w_true, w_pseudo)
    return {
        "counts": counts,
        "pooled": tuple(m * w_pseudo / (n * w_true) for m in counts),
        "separate": (w_pseudo / w_true, w_pseudo / w_true),
    }


# cell: label_weights
def label_distribution(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes).double()
    return counts / counts.sum()


def label_weights(labels, shares, limit=math.inf):
    online, offline = shares, label_distribution(labels, len(shares))
    return torch.where(offline > 0, online / offline.clamp(min=torch.finfo(offline.dtype).tiny), 0.0)


# cell: target_shares
def reweigh(probabilities, weights):
    scaled = probabilities * weights
    return scaled / scaled.sum(-1, keepdim=True)


def estimate_online(probabilities, offline, *, iterations=1000, tolerance=1e-8):
    online = offline
    for _ in range(iterations):
        before, online = online, reweigh(probabilities, online / offline).mean(0)
        if float((online - before).abs().max()) <= tolerance:
            break
    return online


def target_shares(probabilities, source_shares, rounds, strength=0.0):
    return estimate_online(probabilities, source_shares, iterations=rounds)


# cell: pseudo_targets
def pseudo_labels(probabilities, threshold, most=None):
    confidence, labels = probabilities.max(-1)
    surest = confidence.argsort(descending=True, stable=True)
    rows = surest[confidence[surest] >= threshold][:most].sort().values
    return rows, labels[rows], confidence[rows]


def pseudo_targets(logits, threshold, sharpness=1.0):
    rows, labels, _ = pseudo_labels(logits.softmax(-1), threshold)
    targets = torch.zeros_like(logits.detach())
    targets[rows, labels] = 1
    return targets


# cell: quota
def quota(probabilities, shares, total):
    confidence, labels = probabilities.max(-1)
    surest = confidence.argsort(descending=True, stable=True)[:total]
    chosen = torch.full((len(probabilities),), -1)
    chosen[surest] = labels[surest]
    return chosen


# cell: adapt
def pseudo_labels_again(probabilities, threshold):
    confidence, labels = probabilities.max(-1)
    surest = confidence.argsort(descending=True, stable=True)
    rows = surest[confidence[surest] >= threshold].sort().values
    return rows, labels[rows]


def self_train(train, labels, unlabelled, rounds, threshold):
    predict_rows = train(torch.arange(len(labels)), labels, torch.ones(len(labels)))
    for _ in range(rounds):
        rows, guessed = pseudo_labels_again(predict_rows(unlabelled), threshold)
        rows = torch.cat([torch.arange(len(labels)), unlabelled[rows]])
        predict_rows = train(rows, torch.cat([labels, guessed]), torch.ones(len(rows)))
    return predict_rows


def adapt(source_x, source_y, target_x, test_x, seed=0):
    every = torch.cat([source_x, target_x, test_x])

    def train(rows, labels, weights):
        model = fit_softmax(every[rows], torch.nn.functional.one_hot(labels, 2), weights)
        return lambda asked: predict(model, every[asked]).softmax(-1)

    n, m = len(source_x), len(target_x)
    predict_rows = self_train(train, source_y, torch.arange(n, n + m), 1, 0.8)
    return predict_rows(torch.arange(n + m, len(every))).argmax(-1)
