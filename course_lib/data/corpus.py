"""A sampled text of the generated language together with its truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Corpus:
    """T tokens in S sentences in D documents, and what is true of each.

    Attributes:
        ids: (T,) int32 form ids. senses: (T,) int32 sense ids. pos: (T,) int8 part-of-speech ids.
        clauses: (T,) int8: 0 for the sentence's own clauses, 1 for an aside about another topic.
        roles: (T,) int8: the part a token plays in its sentence, index into grammar.ROLE_NAMES.
        sentences: (S+1,) int64 offsets into the tokens. documents: (D+1,) int64 offsets into the sentences.
        topics: (D,) int64 topic of each document. asides: (S,) int64 topic of each sentence's aside, or -1.
        entities: (M, 4) int64: first token, one past the last token, entity type, entity id.
        forms: the spelling of each form id.
    """

    ids: np.ndarray
    senses: np.ndarray
    pos: np.ndarray
    clauses: np.ndarray
    roles: np.ndarray
    sentences: np.ndarray
    documents: np.ndarray
    topics: np.ndarray
    asides: np.ndarray
    entities: np.ndarray
    forms: Sequence[str] = field(repr=False)

    def __len__(self) -> int:
        """The number of tokens T."""
        return len(self.ids)

    @cached_property
    def spellings(self) -> np.ndarray:
        """(V,) the spelling of each form id, as an array of str objects."""
        return np.asarray(self.forms, dtype=object)

    @cached_property
    def sentence_documents(self) -> np.ndarray:
        """(S,) the document of each sentence."""
        return np.repeat(np.arange(len(self.documents) - 1), np.diff(self.documents))

    def sentence(self, index: int) -> list[str]:
        """The tokens of one sentence."""
        return self.spellings[self.ids[self.sentences[index] : self.sentences[index + 1]]].tolist()

    def tokens(self) -> list[list[str]]:
        """One list of tokens for each sentence."""
        words = self.spellings[self.ids].tolist()
        bounds = self.sentences.tolist()
        return [words[a:b] for a, b in pairwise(bounds)]

    def text(self) -> str:
        """The text: tokens set apart by a space, a sentence a line, an empty line after each document."""
        lines = [" ".join(sentence) for sentence in self.tokens()]
        bounds = self.documents.tolist()
        return "\n\n".join("\n".join(lines[a:b]) for a, b in pairwise(bounds))

    def head(self, documents: int) -> "Corpus":
        """The first `documents` documents."""
        sentences = int(self.documents[documents])
        tokens = int(self.sentences[sentences])
        return Corpus(
            **{name: getattr(self, name)[:tokens] for name in TOKEN_FIELDS},
            sentences=self.sentences[: sentences + 1],
            documents=self.documents[: documents + 1],
            topics=self.topics[:documents],
            asides=self.asides[:sentences],
            entities=self.entities[self.entities[:, 1] <= tokens],
            forms=self.forms,
        )


TOKEN_FIELDS = ("ids", "senses", "pos", "clauses", "roles")


def join(parts: Sequence[Corpus]) -> Corpus:
    """One corpus from several, in order."""
    tokens = np.cumsum([0, *(len(part) for part in parts)])
    sentences = np.cumsum([0, *(len(part.asides) for part in parts)])
    shifted = [part.entities + np.array([t, t, 0, 0]) for part, t in zip(parts, tokens, strict=False)]
    return Corpus(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in TOKEN_FIELDS},
        sentences=np.concatenate([[0], *(p.sentences[1:] + t for p, t in zip(parts, tokens, strict=False))]),
        documents=np.concatenate(
            [[0], *(p.documents[1:] + s for p, s in zip(parts, sentences, strict=False))]
        ),
        topics=np.concatenate([part.topics for part in parts]),
        asides=np.concatenate([part.asides for part in parts]),
        entities=np.concatenate(shifted),
        forms=parts[0].forms,
    )
