"""The misfit is the mean absolute error, not the largest one."""
# score: 15
# caught by: test_misfit
# cell: constants
def misfit(form, c, criterion="gate", reach=6.0):
    x = torch.linspace(-reach, reach, 6001, dtype=torch.float64)
    inner = c * x if form == "sigmoid" else 2 * math.sqrt(2 / math.pi) * (x + c * x**3)
    error = torch.sigmoid(inner) - torch.special.ndtr(x)
    if criterion == "output":
        error = x * error
    if criterion == "squares":
        return float((error**2).mean())
    return float(error.abs().mean())


def best_constant(form, criterion="gate", reach=6.0):
    low, high = (0.0, 0.1) if form == "tanh" else (1.0, 3.0)
    while high - low > 1e-9:
        third = (high - low) / 3
        if misfit(form, low + third, criterion, reach) < misfit(form, high - third, criterion, reach):
            high -= third
        else:
            low += third
    return low
