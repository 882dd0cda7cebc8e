"""Takes the first axis, so that it is batch norm."""
# score: 21
# caught by: hidden_layer_forward
# cell: layer_forward
def layer_forward(x, gain, shift, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    mean = wide.mean(0, keepdim=True)
    variance = ((wide - mean) ** 2).mean(0, keepdim=True)
    r = 1 / torch.sqrt(variance + eps)
    z = (wide - mean) * r
    y = z * gain + shift
    return y.to(x.dtype), z, r
