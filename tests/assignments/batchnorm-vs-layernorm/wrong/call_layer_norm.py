"""Calls torch's layer norm, and works z and r out from its answer."""
# score: 20
# caught by: hidden_layer_forward
# cell: layer_forward
import torch.nn.functional as F


def layer_forward(x, gain, shift, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    z = F.layer_norm(wide, x.shape[-1:], eps=eps)
    r = 1 / torch.sqrt(wide.var(-1, keepdim=True, correction=0) + eps)
    return (z * gain + shift).to(x.dtype), z, r
