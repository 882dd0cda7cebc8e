"""A unit counts as dead if any example gives it no slope."""
# score: 18
# caught by: test_dead_units
# cell: dead_units
def dead_units(inputs, activation, tolerance=0.0):
    slopes = relu_grad(inputs) if activation == "relu" else gelu_grad(inputs)
    return (slopes.abs() <= tolerance).any(dim=0)
