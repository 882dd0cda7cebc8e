"""The tolerance is ignored: only slopes of exactly 0 count."""
# score: 20
# caught by: hidden_dead_tolerance
# cell: dead_units
def dead_units(inputs, activation, tolerance=0.0):
    slopes = relu_grad(inputs) if activation == "relu" else gelu_grad(inputs)
    return (slopes == 0).all(dim=0)
