"""Word by word and feature by feature, with plain Python loops."""
# cell: layer_forward
def widen(x):
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def layer_forward(x, gain, shift, eps=1e-5):
    width = x.shape[-1]
    normal, inverse = [], []
    for word in widen(x).reshape(-1, width):
        mean = sum(word) / width
        variance = sum((feature - mean) ** 2 for feature in word) / width
        inverse.append(1 / (variance + eps) ** 0.5)
        normal.append((word - mean) * inverse[-1])
    z = torch.stack(normal).reshape(x.shape)
    r = torch.stack(inverse).reshape(*x.shape[:-1], 1)
    return (gain * z + shift).to(x.dtype), z, r
# cell: layer_backward
def layer_backward(dy, z, r, gain):
    width = dy.shape[-1]
    rows, dgain, dshift = [], torch.zeros_like(gain), torch.zeros_like(gain)
    words = zip(dy.reshape(-1, width), z.reshape(-1, width), r.reshape(-1), strict=True)
    for up, unit, inverse in words:
        dgain = dgain + up * unit
        dshift = dshift + up
        slope = up * gain
        direct = slope * inverse
        # dL/dmean = -r * sum(slope), and dL/dvariance = -r²/2 * sum(slope * z)
        from_mean = -inverse * slope.sum()
        from_variance = -(inverse**2) / 2 * (slope * unit).sum()
        rows.append(direct + from_mean / width + from_variance * 2 * (unit / inverse) / width)
    return torch.stack(rows).reshape(dy.shape), dgain, dshift
# cell: statistics
def word_statistics(x, lengths):
    words = []
    for text, length in zip(x, lengths.tolist(), strict=True):
        for place in range(length):
            words.append(widen(text[place]))
    mean = sum(words) / len(words)
    squares = torch.zeros_like(mean)
    for word in words:
        squares = squares + (word - mean) ** 2
    return mean, squares / len(words), len(words)


def update_running(running, mean, variance, count, keep=0.9):
    if count <= 1:
        return running
    sample_variance = variance / (1 - 1 / count)
    return (
        running[0] - (1 - keep) * (running[0] - mean),
        running[1] - (1 - keep) * (running[1] - sample_variance),
    )
# cell: batch_forward
def batch_forward(x, lengths, gain, shift, running, training, keep=0.9, eps=1e-5):
    mean, variance = running
    if training:
        mean, variance, count = word_statistics(x, lengths)
        running = update_running(running, mean, variance, count, keep)
    r = (variance + eps) ** -0.5
    z = torch.zeros(x.shape, dtype=widen(x).dtype)
    y = torch.zeros_like(x)
    for text, length in enumerate(lengths.tolist()):
        for place in range(length):
            z[text, place] = (widen(x[text, place]) - mean) * r
            y[text, place] = z[text, place] * gain + shift
    return y, z, r, running
# cell: batch_backward
def batch_backward(dy, z, r, gain, lengths, training):
    places = [(text, place) for text, n in enumerate(lengths.tolist()) for place in range(n)]
    dgain, dshift = torch.zeros_like(gain), torch.zeros_like(gain)
    for at in places:
        dgain = dgain + dy[at] * z[at]
        dshift = dshift + dy[at]
    dx = torch.zeros_like(dy)
    for at in places:
        dx[at] = dy[at] * gain * r
        if training:
            dx[at] -= gain * r * (dshift + z[at] * dgain) / len(places)
    return dx, dgain, dshift
# cell: neighbour
def neighbour_for(word, target, eps=1e-5):
    answer = []
    for x, z in zip(word.tolist(), target.tolist(), strict=True):
        half = math.sqrt(eps * z * z / (1 - z * z))
        answer.append(x - 2 * half if z > 0 else x + 2 * half)
    return torch.tensor(answer, dtype=word.dtype)
