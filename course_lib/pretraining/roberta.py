"""RoBERTa: BERT's architecture, trained with more care.

Liu et al. 2019, arXiv:1907.11692. The network is BERT's with three changes of detail, as in the authors'
release and in transformers' RobertaModel: positions are counted over the tokens that are no padding, from
`pad_token_id` + 1 on; there is one segment only; the vocabulary is byte-level BPE. What the paper is about
lies elsewhere: masks drawn anew (`static_masking`), inputs of full sentences without next-sentence
prediction (`packing`), larger batches, and the optimizer's settings (`RobertaRecipe`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from course_lib.nn.activations import gelu
from course_lib.pretraining import checkpoints
from course_lib.pretraining.bert import ENCODER_RULES, Bert, BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Example, Special
from course_lib.training import schedules


@dataclass(frozen=True)
class RobertaConfig(BertConfig):
    """Sizes; the defaults are RoBERTa-base.

    `max_position_embeddings` counts the rows of the table. The first `pad_token_id` + 1 of them are for
    padding, so that 514 rows serve 512 tokens.
    """

    layer_norm_eps: float = 1e-5
    vocab_size: int = 50265
    max_position_embeddings: int = 514
    type_vocab_size: int = 1
    pad_token_id: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_position_embeddings <= self.pad_token_id + 1:
            raise ValueError(
                f"max_position_embeddings must be above pad_token_id + 1 = {self.pad_token_id + 1}, "
                f"got {self.max_position_embeddings}"
            )


class Roberta(Bert):
    """Ids to states, as `Bert`; padding is recognised by its id."""

    model_type = "roberta"
    config_class = RobertaConfig
    auto_class = "RobertaModel"

    def __init__(self, config: BertConfig, *, pooler: bool = True) -> None:
        super().__init__(config, pooler=pooler)
        # The padding's position learns nothing, like the padding's word.
        table = self.embeddings.positions.table
        table.padding_idx = config.pad_token_id
        with torch.no_grad():
            table.weight[config.pad_token_id] = 0.0

    @property
    def longest(self) -> int:
        """The most tokens that a text may have."""
        return self.config.max_position_embeddings - self.config.pad_token_id - 1

    def position_ids(self, input_ids: Tensor) -> Tensor:
        """(B, T): 1, 2, 3, ... over the tokens that are no padding, plus `pad_token_id`, which padding gets.

        So a text has the same positions wherever its padding stands.
        """
        pad = self.config.pad_token_id
        real = (input_ids != pad).to(input_ids.dtype)
        return real.cumsum(1) * real + pad


class RobertaForMaskedLM(BertForPreTraining):
    """RoBERTa with the head that fills gaps; there is no second task.

    The encoder is `bert`, as in its parent class, so that every task of `pretraining.tasks` takes it.
    """

    encoder_class = Roberta
    auto_classes = ("RobertaForMaskedLM", "RobertaForMaskedLM")

    def __init__(self, config: BertConfig, *, next_sentence: bool = False) -> None:
        super().__init__(config, next_sentence=next_sentence)
        self.masked_lm.activation = gelu  # whatever `hidden_act` says

    @classmethod
    def from_transformers(cls, source: checkpoints.Source, *, next_sentence: bool = False) -> Self:
        """RobertaForMaskedLM from transformers.

        Raises:
            ValueError: for another architecture, a model without the head, or a wish for a second head.
            ConnectionError: if the hub cannot be reached.
        """
        if next_sentence:
            raise ValueError("next_sentence must be False: RoBERTa's checkpoints have no such head, got True")
        theirs = checkpoints.resolve(source, Roberta.model_type, cls.auto_classes[0])
        model = cls(RobertaConfig.of(theirs.config))
        checkpoints.copy_weights(model, theirs, [*ENCODER_RULES, *HEAD_RULES])
        return model.eval()


HEAD_RULES = (
    (r"^roberta\.", "bert."),
    (r"lm_head\.dense", "masked_lm.dense"),
    (r"lm_head\.layer_norm", "masked_lm.norm"),
    (r"lm_head\.decoder\..*", ""),  # tied to the word embeddings and to the bias below
    (r"lm_head\.bias", "masked_lm.bias"),
)


def roberta_pair(first: Sequence[int], second: Sequence[int], special: Special) -> Example:
    """<s> A </s></s> B </s>, all of one segment: how a fine-tuning task shows RoBERTa two texts."""
    sep = special.sep_id
    ids = [special.cls_id, *first, sep, sep, *second, sep]
    return Example(ids, [0] * len(ids))


@dataclass(frozen=True)
class RobertaRecipe:
    """The optimizer; the defaults are those of the authors' published configuration of RoBERTa-base.

    That file (fairseq, examples/roberta/config/pretraining/base.yaml) accumulates batches to 2048 texts.

    Attributes:
        lr: the peak.
        beta2: 0.98 where BERT has 0.999: squared gradients are averaged over about 50 steps, not 1000.
        eps: added to the root of that average; torch's default is 1e-8.
        weight_decay: on all parameters.
        warmup: steps to the peak.
        steps: of the run; the rate falls to 0 in a straight line.
    """

    lr: float = 5e-4
    beta2: float = 0.98
    eps: float = 1e-6
    weight_decay: float = 0.01
    warmup: int = 10_000
    steps: int = 125_000

    def optimizer(self, model: nn.Module) -> torch.optim.AdamW:
        """AdamW over the model's parameters."""
        betas = (0.9, self.beta2)
        return torch.optim.AdamW(
            model.parameters(), lr=self.lr, betas=betas, eps=self.eps, weight_decay=self.weight_decay
        )

    def schedule(self) -> schedules.Schedule:
        """Up in `warmup` steps, then down to 0."""
        return schedules.linear(self.steps, warmup=self.warmup)


def vocabulary_growth(hidden_size: int, bpe: int = 50_265, wordpiece: int = 30_522) -> int:
    """Parameters that the larger vocabulary adds to the word embeddings; the paper says 15 and 20 million."""
    if hidden_size < 1:
        raise ValueError(f"hidden_size must be 1 or more, got {hidden_size}")
    return (bpe - wordpiece) * hidden_size
