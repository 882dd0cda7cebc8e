"""One word2vec step, pair by pair: the plain form, for every architecture and objective.

Mikolov et al. 2013, arXiv:1301.3781, Figure 1: skip-gram sends the centre's vector to the output layer once
for each neighbour; CBOW sends the mean of the neighbours' vectors once for each centre. As in word2vec's
program, CBOW adds the error of that mean whole to each neighbour, not divided by their number.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.embeddings.output_layers import OutputLayer
from course_lib.embeddings.rows import add_rows_, gather
from course_lib.embeddings.windows import Windows, context_windows, skipgram_pairs


@dataclass
class PairStep:
    """One step of stochastic gradient descent on a stretch of text, in place.

    Attributes:
        input: (V, E), changed by each call.
        layer: the output layer, changed too.
        architecture: "skipgram" or "cbow".
        window: largest reach.
        limit: see `course_lib.embeddings.rows`.
    """

    input: Tensor
    layer: OutputLayer
    architecture: str
    window: int
    limit: float

    def __call__(self, ids: Tensor, sentence: Tensor, reach: Tensor, lr: float, measure: bool) -> Tensor:
        """Learn from T centres between margins of `window` tokens.

        Args:
            ids: (T + 2·window,) word ids.
            sentence: (T + 2·window,) sentence numbers.
            reach: (T,) reach of each centre.
            lr: step size.
            measure: taken for the interface's sake; the loss is always known here.
        Returns:
            (2,): the loss before the step and the number of examples.
        """
        reach = F.pad(reach, (self.window, self.window))  # a margin looks nowhere
        windows = context_windows(ids, sentence, reach, self.window)
        return self._skipgram(windows, lr) if self.architecture == "skipgram" else self._cbow(windows, lr)

    def _skipgram(self, windows: Windows, lr: float) -> Tensor:
        center, target = skipgram_pairs(windows)
        loss, d_hidden, terms = self.layer.step(gather(self.input, center), target, lr)
        add_rows_(self.input, center, d_hidden, lr, terms, self.limit)
        return torch.stack([loss, loss.new_tensor(len(target))])

    def _cbow(self, windows: Windows, lr: float) -> Tensor:
        some = windows.mask.any(1)
        target, context, mask = windows.center[some], windows.context[some], windows.mask[some]
        rows = gather(self.input, context) * mask[..., None]  # (B, 2w, E)
        hidden = rows.sum(1) / mask.sum(1, keepdim=True)
        loss, d_hidden, terms = self.layer.step(hidden, target, lr)
        spread = d_hidden[:, None, :] * mask[..., None]  # (B, 2w, E)
        add_rows_(self.input, context, spread, lr, terms[:, None] * mask, self.limit)
        return torch.stack([loss, loss.new_tensor(len(target))])
