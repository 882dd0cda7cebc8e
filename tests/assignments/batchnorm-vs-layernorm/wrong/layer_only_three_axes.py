"""Counts the feature axis from the front, so that only batches of texts work."""
# score: 22
# caught by: hidden_layer_forward
# cell: layer_forward
def layer_forward(x, gain, shift, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    axis = 1 if x.dim() == 2 else 2
    mean = wide.mean(axis, keepdim=True)
    variance = ((wide - mean) ** 2).mean(axis, keepdim=True)
    r = 1 / torch.sqrt(variance + eps)
    z = (wide - mean) * r
    y = z * gain + shift
    return y.to(x.dtype), z, r
