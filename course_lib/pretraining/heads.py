"""What BERT is used for: heads on top of an encoder, for texts, pairs, words, answers and choices.

Devlin et al. 2019, arXiv:1810.04805, section 4 and figure 4. Each head is one linear map; the encoder below
it is trained further with it. Weights and logits are those of transformers' BertForSequenceClassification,
BertForTokenClassification, BertForQuestionAnswering and BertForMultipleChoice. Each `loss` gives a sum and
how many labels it sums over, so that batches may be accumulated. Different from transformers: padding is
never the start or the end of an answer, so that the padding of a batch cannot change the loss.
"""

from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.transformer import initialise
from course_lib.pretraining import checkpoints
from course_lib.pretraining.bert import ENCODER_RULES, Bert
from course_lib.pretraining.examples import NO_LABEL, TextBatch

HEAD_RULES = (
    (r"^(bert|roberta)\.", "encoder."),
    *ENCODER_RULES,
    (r"^classifier\.dense", "encoder.pooler"),  # RoBERTa's classifier keeps its pooler to itself
    (r"^classifier\.out_proj", "classifier"),
    (r"^qa_outputs", "classifier"),
)


class Head(nn.Module):
    """An encoder, dropout, and one linear map.

    Args:
        encoder: `Bert` or one of its kind; it is trained with the head, not copied.
        num_labels: width C of the linear map.
        dropout: on the encoder's output; the encoder's own rate if not given.
    Raises:
        ValueError: for no labels, or an encoder that lacks the pooler this head reads.
    """

    auto_class = ""
    reads_pooler = False

    def __init__(self, encoder: Bert, num_labels: int, *, dropout: float | None = None) -> None:
        super().__init__()
        if num_labels < 1:
            raise ValueError(f"num_labels must be 1 or more, got {num_labels}")
        if self.reads_pooler and encoder.pooler is None:
            raise ValueError(f"encoder must have a pooler for {type(self).__name__}, got one without")
        self.encoder = encoder
        self.num_labels = num_labels
        self.dropout = nn.Dropout(encoder.config.dropout if dropout is None else dropout)
        self.classifier = nn.Linear(encoder.config.hidden_size, num_labels)
        initialise(self.classifier, encoder.config.initializer_range)

    def features(
        self, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None
    ) -> Tensor:
        """What the linear map reads: the pooler's vector (B, D), or all states (B, T, D)."""
        out = self.encoder(input_ids, attention_mask, token_type_ids)
        return out.pooler_output if self.reads_pooler else out.last_hidden_state

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Logits of a batch; arguments as in `Bert.forward`."""
        return self.classifier(self.dropout(self.features(input_ids, attention_mask, token_type_ids)))

    def loss(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Summed loss, and the number of labels it sums over.

        Args:
            logits: as `forward` returns.
            labels: integers of the logits' shape without the last axis; `NO_LABEL` does not count.
        """
        return labelled_loss(logits, labels)

    @classmethod
    def from_transformers(cls, source: checkpoints.Source, *, encoder_class: type[Bert] = Bert) -> Self:
        """The same model from transformers: in memory, in a folder, or by its name on the hub.

        Args:
            source: a model with this head. From a folder or the hub a model without it is taken too; its
                head then starts at random, and the log says so.
            encoder_class: `Bert` or one of its kind.
        Raises:
            ValueError: for another architecture, or a model in memory without this head.
            ConnectionError: if the hub cannot be reached.
        """
        theirs = checkpoints.resolve(source, encoder_class.model_type, cls.auto_class)
        inner = getattr(theirs, encoder_class.model_type, theirs)
        pooler = cls.reads_pooler or getattr(inner, "pooler", None) is not None
        encoder = encoder_class(encoder_class.config_class.of(theirs.config), pooler=pooler)
        model = cls._around(encoder, theirs.config)
        checkpoints.copy_weights(model, theirs, HEAD_RULES)
        return model.eval()

    @classmethod
    def _around(cls, encoder: Bert, config: Any) -> Self:
        """This head with the sizes of a transformers configuration."""
        return cls(encoder, config.num_labels, dropout=getattr(config, "classifier_dropout", None))


class SequenceClassifier(Head):
    """A label for a text, or for a pair of texts: logits (B, C) from the pooler (figure 4 a and b).

    With `num_labels=1` it is a regression: the loss is the squared error to labels (B,) of floats, of which
    NaN does not count.
    """

    auto_class = "AutoModelForSequenceClassification"
    reads_pooler = True

    def loss(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Summed cross entropy of labels (B,), or summed squared error with one label."""
        if self.num_labels > 1:
            return labelled_loss(logits, labels)
        if not labels.is_floating_point() or labels.shape != logits.shape[:-1]:
            raise ValueError(
                f"labels must be floats {list(logits.shape[:-1])} for a regression, "
                f"got {labels.dtype} {list(labels.shape)}"
            )
        counts = ~labels.isnan()
        return (logits.squeeze(-1)[counts] - labels[counts]).square().sum(), counts.sum()


class TokenClassifier(Head):
    """A label for each token: logits (B, T, C) (figure 4 d). Labels (B, T), `NO_LABEL` at special tokens, at
    padding and at pieces that continue a word."""

    auto_class = "AutoModelForTokenClassification"


class MultipleChoice(Head):
    """Which of K texts fits: one score each, softmax over the K (section 4.4, SWAG).

    Ids, mask and segments are (B, K, T), one row a choice; logits are (B, K), labels (B,).
    """

    auto_class = "AutoModelForMultipleChoice"
    reads_pooler = True

    def __init__(self, encoder: Bert, *, dropout: float | None = None) -> None:
        super().__init__(encoder, 1, dropout=dropout)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Ids, mask and segments (B, K, T) -> logits (B, K)."""
        if input_ids.dim() != 3:
            raise ValueError(f"input_ids must be (B, K, T), one row a choice, got {list(input_ids.shape)}")
        flat = [None if x is None else x.flatten(0, 1) for x in (attention_mask, token_type_ids)]
        return super().forward(input_ids.flatten(0, 1), *flat).view(input_ids.shape[:2])

    @classmethod
    def _around(cls, encoder: Bert, config: Any) -> Self:
        return cls(encoder, dropout=getattr(config, "classifier_dropout", None))


class SpanExtractor(Head):
    """Where an answer starts and ends: logits (B, T, 2), a softmax over the tokens for each (section 4.2).

    Labels are (B, 2), first and last token of the answer, both counted as part of it; `NO_LABEL` in a row
    that has none. [CLS], position 0, stands for "no answer" (section 4.3).
    """

    auto_class = "AutoModelForQuestionAnswering"

    def __init__(self, encoder: Bert) -> None:
        super().__init__(encoder, 2, dropout=0.0)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Ids (B, T) -> logits (B, T, 2); padding has the lowest number there is."""
        logits = super().forward(input_ids, attention_mask, token_type_ids)
        if attention_mask is None:
            return logits
        return logits.masked_fill(~attention_mask.unsqueeze(-1), torch.finfo(logits.dtype).min)

    def loss(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of start's and end's cross entropy, summed over rows with both labels, and their number."""
        half = (labels == NO_LABEL).any(-1, keepdim=True)
        # (B, 2, T): a class is a place
        total, count = labelled_loss(logits.transpose(1, 2), labels.masked_fill(half, NO_LABEL))
        return total / 2, torch.div(count, 2, rounding_mode="floor")

    @classmethod
    def _around(cls, encoder: Bert, config: Any) -> Self:
        return cls(encoder)


def labelled_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy summed where a label is, and the number of labels.

    Args:
        logits: (..., C).
        labels: (...) integers, 0 to C - 1, or `NO_LABEL`.
    Raises:
        ValueError: for labels of another shape or type, or (on the processor) outside the classes.
    """
    if labels.shape != logits.shape[:-1] or labels.is_floating_point():
        raise ValueError(
            f"labels must be integers {list(logits.shape[:-1])}, got {labels.dtype} {list(labels.shape)}"
        )
    counts = labels != NO_LABEL
    chosen = labels[counts]
    if chosen.device.type == "cpu" and len(chosen):
        low, high = int(chosen.min()), int(chosen.max())
        if low < 0 or high >= logits.shape[-1]:
            raise ValueError(
                f"labels must lie in 0..{logits.shape[-1] - 1} or be {NO_LABEL}, "
                f"got {low if low < 0 else high}"
            )
    return F.cross_entropy(logits[counts], chosen, reduction="sum"), counts.sum()


def head_loss(model: Head, batch: TextBatch) -> tuple[Tensor, Tensor]:
    """The loss function that `training.fit` wants, for any head: sum and count over the batch's labels."""
    return model.loss(model(batch.input_ids, batch.attention_mask, batch.token_type_ids), batch.labels)
