"""BERT: a bidirectional Transformer encoder, pre-trained by filling gaps and by judging sentence pairs.

Devlin, Chang, Lee & Toutanova 2019, arXiv:1810.04805, sections 3 and A.1. Three embeddings are added (word,
learned position, segment), a post-norm encoder reads them, and a pooler turns the first token's state into
the vector of the whole text. Weights and outputs are those of transformers' BertModel and BertForPreTraining.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.activations import ACTIVATIONS
from course_lib.nn.inputs import check_ids, check_mask
from course_lib.nn.masks import key_mask
from course_lib.nn.norm import LayerNorm
from course_lib.nn.positions import LearnedPositions
from course_lib.nn.transformer import Encoder, TransformerConfig, initialise
from course_lib.pretraining import checkpoints


@dataclass(frozen=True)
class BertConfig(TransformerConfig):
    """Sizes; the defaults are BERT-base, uncased.

    Attributes:
        vocab_size: V.
        max_position_embeddings: the longest text.
        type_vocab_size: segments.
        pad_token_id: the padding's id.
        initializer_range: standard deviation of the first weights.
    """

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    attention_dropout: float = 0.1
    layer_norm_eps: float = 1e-12
    vocab_size: int = 30522
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    pad_token_id: int = 0
    initializer_range: float = 0.02

    @classmethod
    def large(cls) -> Self:
        """BERT-large: 24 layers of width 1024."""
        return cls(1024, 24, 16, 4096)

    @classmethod
    def small(cls, vocab_size: int, *, hidden_size: int = 128, num_hidden_layers: int = 2) -> Self:
        """A size that trains on a processor in minutes: heads of width 32, up to 128 positions."""
        return cls(
            hidden_size,
            num_hidden_layers,
            max(1, hidden_size // 32),
            4 * hidden_size,
            vocab_size=vocab_size,
            max_position_embeddings=128,
        )

    @classmethod
    def tiny(cls, vocab_size: int = 30) -> Self:
        """The size used in tests."""
        return cls(
            16,
            2,
            2,
            32,
            dropout=0.0,
            attention_dropout=0.0,
            vocab_size=vocab_size,
            max_position_embeddings=12,
        )

    @classmethod
    def of(cls, theirs: object) -> Self:
        """The sizes of a transformers configuration of BERT's kind."""
        same = (
            "hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act layer_norm_eps "
            "vocab_size max_position_embeddings type_vocab_size pad_token_id initializer_range"
        )
        return cls(
            dropout=getattr(theirs, "hidden_dropout_prob"),  # noqa: B009
            attention_dropout=getattr(theirs, "attention_probs_dropout_prob"),  # noqa: B009
            **{name: getattr(theirs, name) for name in same.split()},
        )


class BertOutput(NamedTuple):
    """last_hidden_state (B, T, D); pooler_output (B, D) or None; hidden_states and attentions as in
    `StackOutput`."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


class BertEmbeddings(nn.Module):
    """LN(word + position + segment), with dropout."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.positions = LearnedPositions(config.max_position_embeddings, config.hidden_size)
        self.token_types = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor | None, position_ids: Tensor | None
    ) -> Tensor:
        """(B, T) ids, segments (zeros if None) and positions (0, 1, ... if None) -> (B, T, D)."""
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        x = self.positions(self.words(input_ids) + self.token_types(types), positions=position_ids)
        return self.dropout(self.norm(x))


class Bert(nn.Module):
    """Ids to states.

    Args:
        config: sizes.
        pooler: whether to have the layer over the first token that judges pairs of sentences.
    """

    model_type = "bert"
    config_class = BertConfig
    auto_class = "BertModel"

    def __init__(self, config: BertConfig, *, pooler: bool = True) -> None:
        super().__init__()
        self.config = config
        self.embeddings = BertEmbeddings(config)
        self.encoder = Encoder(config)
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size) if pooler else None
        initialise(self, config.initializer_range)

    @property
    def longest(self) -> int:
        """The most tokens that a text may have."""
        return self.config.max_position_embeddings

    def position_ids(self, input_ids: Tensor) -> Tensor | None:
        """(B, T) positions, or None for 0, 1, 2, ... in every row, as BERT has them (padding counted)."""
        return None

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> BertOutput:
        """Read a batch of texts.

        Args:
            input_ids: (B, T), from 0 to V - 1, T at most `longest`.
            attention_mask: (B, T) bool, True where a token counts; all if not given.
            token_type_ids: (B, T) segments; zeros if not given.
            output_hidden_states: keep L + 1 states.
            output_attentions: keep L maps of weights.
        Raises:
            ValueError: for ids, masks or lengths that do not fit.
        """
        check_ids(input_ids, self.config.vocab_size, longest=self.longest)
        check_mask(attention_mask, input_ids.shape)
        if token_type_ids is not None and token_type_ids.shape != input_ids.shape:
            raise ValueError(
                f"token_type_ids must be {list(input_ids.shape)}, got {list(token_type_ids.shape)}"
            )
        if token_type_ids is not None:
            check_ids(token_type_ids, self.config.type_vocab_size, name="token_type_ids")
        x = self.embeddings(input_ids, token_type_ids, self.position_ids(input_ids))
        out = self.encoder(
            x,
            mask=None if attention_mask is None else key_mask(attention_mask),
            output_hidden_states=output_hidden_states,
            output_attentions=output_attentions,
        )
        # r = tanh(W h_[CLS] + b)
        pooled = None if self.pooler is None else torch.tanh(self.pooler(out.last_hidden_state[:, 0]))
        return BertOutput(out.last_hidden_state, pooled, out.hidden_states, out.attentions)

    @classmethod
    def from_transformers(cls, source: checkpoints.Source) -> Self:
        """The same model from transformers: in memory, in a folder, or by its name on the hub.

        Raises:
            ValueError: for another architecture.
            ConnectionError: if the hub cannot be reached.
        """
        theirs = checkpoints.resolve(source, cls.model_type, cls.auto_class)
        theirs = getattr(theirs, cls.model_type, theirs)  # the encoder inside a model with heads
        model = cls(cls.config_class.of(theirs.config), pooler=getattr(theirs, "pooler", None) is not None)
        checkpoints.copy_weights(model, theirs, ENCODER_RULES)
        return model.eval()


class MaskedLMHead(nn.Module):
    """From states to logits over the vocabulary: a dense layer, then the word embeddings as output."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = ACTIVATIONS[config.hidden_act]
        self.norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, states: Tensor, words: Tensor) -> Tensor:
        """States (..., D) and word embeddings (V, D) -> logits (..., V)."""
        return F.linear(self.norm(self.activation(self.dense(states))), words, self.bias)


class BertForPreTraining(nn.Module):
    """BERT with the two heads of its pre-training.

    Args:
        config: sizes.
        next_sentence: False leaves out the second head, and the pooler with it.
    """

    encoder_class: type[Bert] = Bert
    auto_classes = ("BertForPreTraining", "BertForMaskedLM")

    def __init__(self, config: BertConfig, *, next_sentence: bool = True) -> None:
        super().__init__()
        self.bert = self.encoder_class(config, pooler=next_sentence)
        self.masked_lm = MaskedLMHead(config)
        self.next_sentence = nn.Linear(config.hidden_size, 2) if next_sentence else None
        for head in (self.masked_lm, self.next_sentence):
            if head is not None:
                initialise(head, config.initializer_range)

    @property
    def config(self) -> BertConfig:
        """The sizes."""
        return self.bert.config

    def word_logits(self, states: Tensor) -> Tensor:
        """Logits (..., V) of the words at states (..., D)."""
        return self.masked_lm(states, self.bert.embeddings.words.weight)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Logits of every word (B, T, V), and of the pair (B, 2).

        The pair's 0 says that B follows A, 1 that it does not. Training needs few of the words' logits: see
        `masked_lm_loss`.
        """
        out = self.bert(input_ids, attention_mask, token_type_ids)
        pair = None if self.next_sentence is None else self.next_sentence(out.pooler_output)
        return self.word_logits(out.last_hidden_state), pair

    def masked_lm_loss(self, states: Tensor, targets: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Cross entropy at the chosen positions, summed, and their number.

        Logits are computed at those positions alone: 15 % of B·T·V numbers instead of all of them.

        Args:
            states: (B, T, D).
            targets: (B, T) original ids.
            counts: (B, T) bool, True where a word is to be predicted.
        """
        loss = F.cross_entropy(self.word_logits(states[counts]), targets[counts], reduction="sum")
        return loss, counts.sum()

    @classmethod
    def from_transformers(cls, source: checkpoints.Source, *, next_sentence: bool = True) -> Self:
        """BertForPreTraining, or with `next_sentence=False` BertForMaskedLM, from transformers.

        Raises:
            ValueError: for another architecture, or a model without these heads.
            ConnectionError: if the hub cannot be reached.
        """
        auto_class = cls.auto_classes[0 if next_sentence else 1]
        theirs = checkpoints.resolve(source, cls.encoder_class.model_type, auto_class)
        model = cls(cls.encoder_class.config_class.of(theirs.config), next_sentence=next_sentence)
        checkpoints.copy_weights(model, theirs, [*ENCODER_RULES, *HEAD_RULES])
        return model.eval()


#: From transformers' names to ours.
ENCODER_RULES = (
    (r"embeddings\.word_embeddings", "embeddings.words"),
    (r"embeddings\.position_embeddings", "embeddings.positions.table"),
    (r"embeddings\.token_type_embeddings", "embeddings.token_types"),
    (r"embeddings\.LayerNorm", "embeddings.norm"),
    (r"encoder\.layer\.", "encoder.layers."),
    (r"attention\.self\.", "attention."),
    (r"attention\.output\.dense", "attention.output"),
    (r"attention\.output\.LayerNorm", "around_attention.norm"),
    (r"intermediate\.dense", "feed_forward.up"),
    (r"(layers\.\d+)\.output\.dense", r"\1.feed_forward.down"),
    (r"(layers\.\d+)\.output\.LayerNorm", r"\1.around_feed_forward.norm"),
    (r"pooler\.dense", "pooler"),
    (r"^.*position_ids$", ""),
)
HEAD_RULES = (
    (r"cls\.predictions\.transform\.dense", "masked_lm.dense"),
    (r"cls\.predictions\.transform\.LayerNorm", "masked_lm.norm"),
    (r"cls\.predictions\.decoder\..*", ""),  # tied to the word embeddings and to the bias below
    (r"cls\.predictions\.bias", "masked_lm.bias"),
    (r"cls\.seq_relationship", "next_sentence"),
)
