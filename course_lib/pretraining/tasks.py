"""Pre-training tasks: a corruption and a loss, for any architecture that can be asked for the words.

A model here is an architecture times a task. A task is called as `task(model, batch)` and returns what
`training.fit` wants of a loss function; it corrupts the batch anew at each call, from torch's default
generator, which is dynamic masking. Static masking is `course_lib.pretraining.roberta`'s.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.masks import key_mask
from course_lib.pretraining.bert import Bert, BertForPreTraining
from course_lib.pretraining.examples import NO_LABEL, TextBatch
from course_lib.pretraining.masking import Corruption, VocabFacts, mask_tokens


@dataclass(frozen=True)
class MaskedLM:
    """BERT's two tasks, or the first alone.

    Attributes:
        facts: about the vocabulary.
        rate: share of tokens (or words) to predict.
        whole_words: choose words by the batch's word_ids, not tokens.
        next_sentence: add the loss of the pairs (the batch must have labels).
    """

    facts: VocabFacts
    rate: float = 0.15
    whole_words: bool = False
    next_sentence: bool = False

    def __call__(self, model: nn.Module, batch: TextBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Mean loss with its parts; one batch counts as one."""
        corruption = self.corrupt(batch)
        return masked_lm_loss(model, batch, corruption, next_sentence=self.next_sentence)

    def corrupt(self, batch: TextBatch, generator: torch.Generator | None = None) -> Corruption:
        """Fresh masks for a batch."""
        if self.whole_words and batch.word_ids is None:
            raise ValueError("batch must have word_ids for whole word masking, got None")
        return mask_tokens(
            batch.input_ids,
            self.facts,
            rate=self.rate,
            word_ids=batch.word_ids if self.whole_words else None,
            generator=generator,
        )


def masked_lm_loss(
    model: nn.Module, batch: TextBatch, corruption: Corruption, *, next_sentence: bool = False
) -> tuple[Tensor, int, dict[str, Tensor]]:
    """BERT's loss for masks that are given: mean over words, plus mean over pairs.

    Args:
        model: `BertForPreTraining` or one of its kind.
        batch: the uncorrupted batch.
        corruption: of its ids.
        next_sentence: whether to add the pairs' loss.
    Returns:
        The loss, 1, and its parts "masked_lm" and "next_sentence" for the history.
    Raises:
        ValueError: if the pairs' loss is wanted of a model without that head, or of a batch without labels.
    """
    assert isinstance(model, BertForPreTraining)
    out = model.bert(corruption.inputs, batch.attention_mask, batch.token_type_ids)
    total, count = model.masked_lm_loss(out.last_hidden_state, corruption.targets, corruption.counts)
    words = total / count.clamp(min=1)
    parts = {"masked_lm": words.detach()}
    if not next_sentence:
        return words, 1, parts
    if model.next_sentence is None:
        raise ValueError("model must have a next-sentence head, got one without")
    if bool((batch.labels == NO_LABEL).all()):
        raise ValueError("batch must have labels for its pairs, got none")
    pairs = F.cross_entropy(model.next_sentence(out.pooler_output), batch.labels)
    return words + pairs, 1, {**parts, "next_sentence": pairs.detach()}


def left_to_right_states(bert: Bert, batch: TextBatch) -> Tensor:
    """States (B, T, D) of BERT's own network when no position sees a later one."""
    ids, mask = batch.input_ids, batch.attention_mask
    x = bert.embeddings(ids, batch.token_type_ids, bert.position_ids(ids))
    return bert.encoder(x, mask=key_mask(mask), causal=True).last_hidden_state


def left_to_right_loss(model: nn.Module, batch: TextBatch) -> tuple[Tensor, Tensor]:
    """Each token from those before it, with BERT's own network: the paper's control (section 5.1, "LTR").

    The last token of a text predicts nothing, and nothing predicts the first; padding does not count.

    Args:
        model: `BertForPreTraining` or one of its kind.
        batch: texts padded at the end.
    Returns:
        The summed loss and the number of predicted tokens.
    """
    assert isinstance(model, BertForPreTraining)
    states = left_to_right_states(model.bert, batch)[:, :-1]  # state t predicts token t + 1
    return model.masked_lm_loss(states, batch.input_ids[:, 1:], batch.attention_mask[:, 1:])
