"""The slope is compared without its size being taken, so negative slopes count as none."""
# score: 18
# caught by: hidden_dead_units
# cell: dead_units
def dead_units(inputs, activation, tolerance=0.0):
    slopes = relu_grad(inputs) if activation == "relu" else gelu_grad(inputs)
    return (slopes <= tolerance).all(dim=0)
