"""The published weights of GPT-1 and GPT-2, in the course's layout.

transformers' OpenAIGPT and GPT2 follow the authors' code: each linear map is a "Conv1D" whose matrix is
transposed, and query, key and value are one map of threefold width.
"""

from typing import Any

import torch
from torch import Tensor

from course_lib.pretraining import checkpoints
from course_lib.pretraining.gpt import GPT, GPTConfig

MODEL_TYPES = ("gpt2", "openai-gpt")

RULES: checkpoints.Rules = [
    (r"^(lm_head|score|multiple_choice_head)\..*", ""),
    (r"^transformer\.", ""),
    (r"^(wte|tokens_embed)\.", "words."),
    (r"^(wpe|positions_embed)\.", "positions.table."),
    (r"^h\.", "encoder.layers."),
    (r"^ln_f\.", "encoder.norm."),
    (r"\.ln_1\.", ".around_attention.norm."),
    (r"\.ln_2\.", ".around_feed_forward.norm."),
    (r"\.attn\.c_attn\.", ".attention.qkv."),
    (r"\.attn\.c_proj\.", ".attention.output."),
    (r"\.mlp\.c_fc\.", ".feed_forward.up."),
    (r"\.mlp\.c_proj\.", ".feed_forward.down."),
]
#: Options of GPT2Config that change the computation, and the value that GPT-2 has.
OPTIONS = {
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}


def convert(source: checkpoints.Source) -> GPT:
    """A copy of an OpenAIGPT or GPT2 model; see `GPT.from_transformers`."""
    theirs = checkpoints.resolve(source, MODEL_TYPES, "AutoModel")
    config = config_of(theirs.config)
    words, head = theirs.get_input_embeddings().weight, theirs.get_output_embeddings()
    if head is not None and not torch.equal(head.weight, words):
        raise ValueError("source must use its word table as output layer, got an lm_head of its own")
    model = GPT(config).to(words.device, words.dtype)
    checkpoints.copy_weights(model, theirs, RULES, split_and_transpose)
    return model.eval()


def config_of(theirs: Any) -> GPTConfig:
    """The sizes in a configuration of transformers.

    Raises:
        ValueError: for an option or activation that the course's GPT lacks.
    """
    second = theirs.model_type == "gpt2"
    for name, value in OPTIONS.items() if second else ():
        if getattr(theirs, name) != value:
            raise ValueError(f"source must have {name}={value}, got {getattr(theirs, name)}")
    # What GPT-1's configuration calls "gelu" is the approximation by tanh.
    activation = theirs.activation_function if second else {"gelu": "gelu_new"}.get(theirs.afn, theirs.afn)
    return GPTConfig(
        vocab_size=theirs.vocab_size,
        max_position_embeddings=theirs.n_positions,
        hidden_size=theirs.n_embd,
        num_hidden_layers=theirs.n_layer,
        num_attention_heads=theirs.n_head,
        intermediate_size=(theirs.n_inner if second else None) or 4 * theirs.n_embd,
        hidden_act=activation,
        embedding_dropout=theirs.embd_pdrop,
        initializer_range=theirs.initializer_range,
        dropout=theirs.resid_pdrop,
        attention_dropout=theirs.attn_pdrop,
        norm_first=second,
        layer_norm_eps=theirs.layer_norm_epsilon,
    )


def split_and_transpose(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """From (in, out) matrices with query, key and value side by side to three (out, in) matrices."""
    out: dict[str, Tensor] = {}
    for name, weight in weights.items():
        linear = ".attention." in name or ".feed_forward." in name
        weight = weight.t() if linear and weight.dim() == 2 else weight
        if ".qkv." not in name:
            out[name] = weight
            continue
        for part, rows in zip(("query", "key", "value"), weight.chunk(3), strict=True):
            out[name.replace("qkv", part)] = rows
    return out
