"""A unit is looked for in the rows: which examples reach no unit?"""
# score: 18
# caught by: test_dead_units
# cell: dead_units
def dead_units(inputs, activation, tolerance=0.0):
    slopes = relu_grad(inputs) if activation == "relu" else gelu_grad(inputs)
    return (slopes.abs() <= tolerance).all(dim=1)
