"""The course library's self-training loop with all guesses, and its pooled weights."""


# score: 20
# caught by: hidden_adapt
# cell: adapt
def pseudo_labels(probabilities, threshold):
    confidence, labels = probabilities.max(-1)
    surest = confidence.argsort(descending=True, stable=True)
    rows = surest[confidence[surest] >= threshold].sort().values
    return rows, labels[rows]


def self_train(train, labels, unlabelled, rounds, threshold):
    predict_rows = train(torch.arange(len(labels)), labels, torch.ones(len(labels)))
    for _ in range(rounds):
        rows, guessed = pseudo_labels(predict_rows(unlabelled), threshold)
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
