"""A unit counts as dead if its output is 0, not its slope."""
# score: 20
# caught by: hidden_dead_units
# cell: dead_units
def dead_units(inputs, activation, tolerance=0.0):
    outputs = relu(inputs) if activation == "relu" else gelu_exact(inputs)
    return (outputs.abs() <= tolerance).all(dim=0)
