"""Takes places and features of a text together, which is layer norm as image papers have it."""
# score: 22
# caught by: hidden_layer_forward
# cell: layer_forward
def layer_forward(x, gain, shift, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    axes = tuple(range(1, x.dim())) if x.dim() > 1 else (0,)
    mean = wide.mean(axes, keepdim=True)
    variance = ((wide - mean) ** 2).mean(axes, keepdim=True)
    r = 1 / torch.sqrt(variance + eps)
    z = (wide - mean) * r
    y = z * gain + shift
    return y.to(x.dtype), z, r.expand(*x.shape[:-1], 1)
