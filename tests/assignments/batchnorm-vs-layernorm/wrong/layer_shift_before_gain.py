"""Adds the shift before it multiplies by the gain."""
# score: 21
# caught by: hidden_layer_forward
# cell: layer_forward
def layer_forward(x, gain, shift, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    mean = wide.mean(-1, keepdim=True)
    variance = ((wide - mean) ** 2).mean(-1, keepdim=True)
    r = 1 / torch.sqrt(variance + eps)
    z = (wide - mean) * r
    y = (z + shift) * gain
    return y.to(x.dtype), z, r
