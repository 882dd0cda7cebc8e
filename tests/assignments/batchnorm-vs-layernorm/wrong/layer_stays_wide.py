"""Forgets to go back to half precision in the end."""
# score: 23
# caught by: hidden_dtype
# cell: layer_forward
def layer_forward(x, gain, shift, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    mean = wide.mean(-1, keepdim=True)
    variance = ((wide - mean) ** 2).mean(-1, keepdim=True)
    r = 1 / torch.sqrt(variance + eps)
    z = (wide - mean) * r
    y = z * gain + shift
    return y, z, r
