"""What a pre-trained encoder knows: gaps filled by its own head, and linear probes on its frozen states.

A gap is filled by the candidate whose pieces the model finds most probable, all of them masked at once. A
linear probe is a logistic regression on features that do not change (Alain & Bengio 2017, arXiv:1610.01644):
what it reaches, the encoder has laid out in a straight line.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.nn.masks import length_mask, pad
from course_lib.pretraining.bert import Bert, BertForPreTraining
from course_lib.pretraining.examples import Example, Special, collate, single
from course_lib.training.batches import to_device

Pieces = Sequence[int]


@torch.no_grad()
def fill_gap(
    model: BertForPreTraining,
    texts: Sequence[tuple[Pieces, Pieces]],
    candidates: Sequence[Sequence[Pieces]],
    special: Special,
    mask_id: int,
    *,
    batch_size: int = 512,
) -> np.ndarray:
    """Which candidate fits between two pieces of text.

    A candidate's score is the mean log-probability of its pieces, where as many masks stand in the gap as it
    has pieces. A mean, because a sum would favour short candidates.

    Args:
        model: in evaluation mode.
        texts: N pairs: the ids left of the gap, the ids right of it.
        candidates: for each of the N texts K candidates, each one id or more.
        special: ids of the frame.
        mask_id: the id of [MASK].
        batch_size: texts with a candidate in them at a time.
    Returns:
        (N,) int64, the chosen candidate's number.
    Raises:
        ValueError: for lists of different lengths, or different numbers of candidates.
    """
    if len(texts) != len(candidates) or len({len(offered) for offered in candidates}) > 1:
        raise ValueError(
            f"candidates must be equally many for each of {len(texts)} texts, got {len(candidates)} lists"
        )
    filled = [
        (left, option, right)
        for (left, right), offered in zip(texts, candidates, strict=True)
        for option in offered
    ]
    scores = [
        _scores(model, filled[i : i + batch_size], special, mask_id)
        for i in range(0, len(filled), batch_size)
    ]
    return torch.cat(scores).view(len(texts), -1).argmax(1).cpu().numpy()


def _scores(
    model: BertForPreTraining, filled: list[tuple[Pieces, Pieces, Pieces]], special: Special, mask_id: int
) -> Tensor:
    """(n,) mean log-probabilities of the middle parts."""
    device = model.masked_lm.bias.device
    batch = collate([single([*a, *[mask_id] * len(b), *c], special) for a, b, c in filled], special.pad_id)
    words, sizes = (x.to(device) for x in pad([b for _, b, _ in filled]))
    starts = torch.tensor([1 + len(a) for a, _, _ in filled], device=device)
    counts = length_mask(sizes, words.shape[1])  # (n, longest candidate)
    place = torch.arange(words.shape[1], device=device) + starts.unsqueeze(1)
    rows = torch.arange(len(filled), device=device).unsqueeze(1).expand_as(place)
    states = model.bert(batch.input_ids.to(device), batch.attention_mask.to(device)).last_hidden_state
    logs = model.word_logits(states[rows[counts], place[counts]]).log_softmax(-1)
    each = logs.gather(1, words[counts].unsqueeze(1)).squeeze(1)
    return torch.zeros_like(starts, dtype=each.dtype).index_add_(0, rows[counts], each) / sizes


@torch.no_grad()
def text_features(
    model: Bert, examples: Sequence[Example], pad_id: int = 0, *, batch_size: int = 512
) -> np.ndarray:
    """The last state of the first token beside the mean of all tokens' last states.

    Args:
        model: in evaluation mode.
        examples: N framed texts or pairs.
        pad_id: the padding's id.
        batch_size: examples at a time.
    Returns:
        (N, 2D).
    """
    device = model.embeddings.words.weight.device
    parts = []
    for i in range(0, len(examples), batch_size):
        batch = to_device(collate(examples[i : i + batch_size], pad_id), device)
        states = model(batch.input_ids, batch.attention_mask, batch.token_type_ids).last_hidden_state
        counts = batch.attention_mask.unsqueeze(-1)
        mean = (states * counts).sum(1) / counts.sum(1)
        parts.append(torch.cat([states[:, 0], mean], dim=-1).cpu())
    return torch.cat(parts).numpy()


def linear_probe(
    features: np.ndarray, labels: Sequence[int], test_features: np.ndarray, test_labels: Sequence[int]
) -> float:
    """Accuracy, on texts that it has not seen, of a logistic regression on standardised features.

    Args:
        features: (N, F).
        labels: N classes.
        test_features: (M, F).
        test_labels: M classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    return float(classifier.fit(features, labels).score(test_features, test_labels))
