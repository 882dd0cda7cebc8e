"""Calls the function below torch's layer norm, which even hands back r."""
# score: 20
# caught by: hidden_layer_forward
# cell: layer_forward
def layer_forward(x, gain, shift, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    z, _, r = torch.native_layer_norm(wide, x.shape[-1:], None, None, eps)
    return (z * gain + shift).to(x.dtype), z, r
