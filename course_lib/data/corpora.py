"""Real text: English that every machine already has, a folder of files, or a dataset of the Hugging Face hub.

The English is the prose in Python's own help texts (`pydoc_data.topics`) and in the docstrings of the
standard library and of a fixed list of packages that this course needs anyway. Files are parsed, never
imported. What they say depends on the installed versions, so a result records `about()`: size and SHA-256.
"""

import hashlib
import importlib.util
import logging
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from course_lib.data import prose
from course_lib.text import tokenise

logger = logging.getLogger(__name__)

LICENCES = {
    "python": "Python Software Foundation License 2",
    "numpy": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "sklearn": "BSD-3-Clause",
    "networkx": "BSD-3-Clause",
    "torch": "BSD-3-Clause",
}
# Folders that hold no reader's text, or too much source for the little they say.
_SKIPPED = {"tests", "test", "testing", "site-packages", "idlelib", "lib2to3", "turtledemo", "pydoc_data"}
_SKIPPED |= {"ensurepip", "externals", "f2py", "distributed", "onnx", "fx", "ao", "include", "bin"}


@dataclass(frozen=True)
class Document:
    """A text with its name and where it comes from; paragraphs are separated by line ends."""

    name: str
    source: str
    text: str

    @cached_property
    def sentences(self) -> tuple[tuple[str, ...], ...]:
        """Lower-cased tokens, a tuple a sentence, punctuation included."""
        found = (tokenise.words(s) for p in self.text.splitlines() for s in tokenise.sentences(p))
        return tuple(tuple(tokens) for tokens in found if tokens)


class Split(NamedTuple):
    """Three corpora that share no document."""

    train: "TextCorpus"
    valid: "TextCorpus"
    test: "TextCorpus"


@dataclass(frozen=True)
class TextCorpus:
    """Documents in a fixed order.

    Raises:
        ValueError: if there is no document, or none with a token.
    """

    documents: tuple[Document, ...]

    def __post_init__(self) -> None:
        if not any(token for document in self.documents for token in document.text.split()):
            raise ValueError(f"documents must hold at least one token, got {len(self.documents)} documents")

    def sentences(self, *, punctuation: bool = True) -> list[list[str]]:
        """Lower-cased tokens, one list a sentence; `punctuation=False` drops the marks."""
        every = (sentence for document in self.documents for sentence in document.sentences)
        if punctuation:
            return [list(sentence) for sentence in every]
        plain = ([token for token in sentence if token[0].isalnum()] for sentence in every)
        return [sentence for sentence in plain if sentence]

    def text(self) -> str:
        """All documents, an empty line between them."""
        return "\n\n".join(document.text for document in self.documents)

    @cached_property
    def n_tokens(self) -> int:
        """Tokens in all, punctuation included."""
        return sum(len(sentence) for document in self.documents for sentence in document.sentences)

    @cached_property
    def sha256(self) -> str:
        """Of names and texts in order: the same digest means the same corpus."""
        digest = hashlib.sha256()
        for document in self.documents:
            for part in (document.source, document.name, document.text):
                data = part.encode("utf-8", errors="surrogateescape")
                digest.update(len(data).to_bytes(8, "big") + data)
        return digest.hexdigest()

    def about(self) -> dict[str, object]:
        """What a result records: number of documents and tokens, digest, and licences by source."""
        sources = sorted({document.source for document in self.documents})
        licences = {source: LICENCES.get(source, "see the source") for source in sources}
        return {
            "documents": len(self.documents),
            "tokens": self.n_tokens,
            "sha256": self.sha256,
            "licences": licences,
        }

    def split(self, seed: int, shares: Sequence[float] = (0.8, 0.1, 0.1)) -> Split:
        """Train, valid and test by whole documents; the shares hold in tokens, up to one document.

        Raises:
            ValueError: if there are fewer than three documents, or shares are not three that sum to 1.
        """
        if len(shares) != 3 or not min(shares) > 0 or not abs(sum(shares) - 1) < 1e-9:
            raise ValueError(f"shares must be three positive numbers that sum to 1, got {tuple(shares)}")
        if len(self.documents) < 3:
            raise ValueError(f"documents must be at least 3 to be split, got {len(self.documents)}")
        order = np.random.default_rng(seed).permutation(len(self.documents))
        sizes = np.array([sum(map(len, self.documents[i].sentences)) for i in order])
        middle = np.cumsum(sizes) - sizes / 2
        part = np.digitize(middle / max(1, sizes.sum()), np.cumsum(shares)[:2])
        part[-1], part[0] = 2, 0
        if not (part == 1).any():
            part[-2] = 1
        chosen = [sorted(order[part == i].tolist()) for i in range(3)]
        return Split(*(TextCorpus(tuple(self.documents[i] for i in ids)) for ids in chosen))


def english(max_tokens: int | None = None) -> TextCorpus:
    """The English of this machine's Python documentation, without repeated paragraphs.

    Documents (a module, or a help topic) come in a fixed mixed order, so that a small part has all sources in
    it. A paragraph that several docstrings share is kept in the first document only, so that a split by
    document puts no paragraph on both sides.

    Args:
        max_tokens: stop after the document that reaches this many tokens; None reads everything.
    Raises:
        ValueError: if `max_tokens` is not positive.
        RuntimeError: if this Python came without its sources.
    """
    if max_tokens is not None and max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, got {max_tokens}")
    seen: set[str] = set()
    documents: list[Document] = []
    total = 0
    files = sorted(_sources(), key=lambda item: hashlib.sha256("/".join(item[:2]).encode()).digest())
    for source, name, content in files:
        texts = prose.docstrings(content.read_bytes()) if isinstance(content, Path) else [content]
        found = dict.fromkeys(p for text in texts for p in prose.paragraphs(text))
        kept = [paragraph for paragraph in found if paragraph not in seen]
        seen.update(kept)
        if not kept:
            continue
        documents.append(Document(name, source, "\n".join(kept)))
        if max_tokens is not None:
            total += sum(map(len, documents[-1].sentences))
            if total >= max_tokens:
                break
    if not documents:
        raise RuntimeError(
            "this Python has no readable sources to take English from; use corpora.folder(...)"
        )
    return TextCorpus(tuple(documents))


def _sources() -> Iterator[tuple[str, str, Path | str]]:
    """(source, name, file or text) of everything that `english` may read."""
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    help_texts = stdlib / "pydoc_data" / "topics.py"
    if help_texts.is_file():
        for name, text in prose.topics(help_texts.read_bytes()).items():
            yield "python", f"topics/{name}", text
    roots = {"python": stdlib}
    for package in list(LICENCES)[1:]:
        spec = importlib.util.find_spec(package)  # finds a top-level package without importing it
        if spec is not None and spec.submodule_search_locations:
            roots[package] = Path(next(iter(spec.submodule_search_locations)))
    for source, root in roots.items():
        for folder, folders, names in os.walk(root):
            folders[:] = [n for n in folders if n not in _SKIPPED and not n.startswith(("_", "config-"))]
            for name in names:
                if name.endswith(".py"):
                    path = Path(folder, name)
                    yield source, path.relative_to(root).as_posix(), path


def folder(path: str | os.PathLike[str], pattern: str = "*.txt", *, encoding: str = "utf-8") -> TextCorpus:
    """Every file under `path` whose name matches, a document each, by name.

    Args:
        path: a folder; subfolders are searched too.
        pattern: of the file names.
        encoding: of the files.
    Raises:
        ValueError: if nothing matches, or a file is not text in that encoding or holds a NUL byte: the
            message names the file and the place.
    """
    root = Path(path)
    if not root.is_dir():
        raise ValueError(f"path must be a folder, got {str(root)!r}")
    files = sorted(file for file in root.rglob(pattern) if file.is_file())
    if not files:
        raise ValueError(f"path must hold files that match {pattern!r}, got none in {str(root)!r}")
    documents = []
    for file in tqdm(files, desc="reading", file=sys.stdout, disable=None):
        name = file.relative_to(root).as_posix()
        documents.append(Document(name, str(root), _decode(file.read_bytes(), file, encoding)))
    if not any(document.text.strip() for document in documents):
        raise ValueError(f"path must hold text, got {len(files)} empty files in {str(root)!r}")
    return TextCorpus(tuple(document for document in documents if document.text.strip()))


def _decode(data: bytes, file: Path, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: expected {encoding} text, got an invalid byte at {error.start}") from None
    if "\x00" in text:
        raise ValueError(f"{file}: expected text, got a NUL character at {text.index(chr(0))}")
    return text.removeprefix("\ufeff")


def from_texts(texts: Iterable[str], source: str = "given") -> TextCorpus:
    """A corpus of strings, a document each; empty ones are left out.

    Raises:
        ValueError: if there is no text, or `texts` is one string.
    """
    if isinstance(texts, str):
        raise ValueError(f"texts must be a list of texts, got the string {texts[:50]!r}")
    kept = [text for text in texts if text.strip()]
    return TextCorpus(tuple(Document(str(i), source, text) for i, text in enumerate(kept)))


def hugging_face(
    name: str,
    configuration: str | None = None,
    *,
    split: str = "train",
    column: str = "text",
    max_documents: int | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> TextCorpus:
    """A dataset of the Hugging Face hub, for example `hugging_face("wikitext", "wikitext-2-raw-v1")`.

    It is downloaded once into the hub's own cache (`~/.cache/huggingface`, or `cache`), with a progress bar.
    `HF_HUB_OFFLINE=1` keeps to what the cache holds. Its licence is the dataset's own: see its page.

    Raises:
        ModuleNotFoundError: if the `datasets` package is missing.
        ConnectionError: if the hub cannot be reached, or offline mode is on, and the cache does not have it.
        ValueError: if there is no such column.
    """
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "corpora.hugging_face needs one more package: pip install datasets"
        ) from error
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    logger.info("loading %s (%s) from the Hugging Face %s", name, split, "cache" if offline else "hub")
    where = None if cache is None else os.fspath(cache)
    try:
        rows = datasets.load_dataset(name, configuration, split=split, cache_dir=where)
    except Exception as error:
        if not _is_unreachable(error):
            raise
        why = "HF_HUB_OFFLINE is set" if offline else "the Hugging Face hub could not be reached"
        raise ConnectionError(
            f"{why} and the cache has no {name!r}. "
            "Connect once, or use corpora.english() or corpora.folder(...)"
        ) from error
    if column not in rows.column_names:
        raise ValueError(f"column must be one of {rows.column_names}, got {column!r}")
    chosen = rows if max_documents is None else rows.select(range(min(max_documents, len(rows))))
    return from_texts(
        (str(row[column]) for row in tqdm(chosen, desc=name, file=sys.stdout, disable=None)), f"hub:{name}"
    )


def _is_unreachable(error: BaseException) -> bool:
    """Is a failed connection among the error's causes?"""
    seen: BaseException | None = error
    while seen is not None:
        kind = type(seen).__name__
        if isinstance(seen, ConnectionError | TimeoutError) or kind in (
            "ConnectError",
            "ConnectTimeout",
            "OfflineModeIsEnabled",
            "LocalEntryNotFoundError",
        ):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
