"""Raw text as token ids: documents of lines, one after another in one memory-mapped file, never whole in memory."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headway.data.cache import ArrayFile, Ids, Tokenizer, kind_of_ids
from headway.data.progress import progress
from headway.data.storage import check_space, find_entry, new_entry
from headway.data.texts import Texts

CORPUS_VERSION = 1
BATCH = 1 << 20  # characters encoded at once
_FACTS = "facts.json"


@dataclass(frozen=True, eq=False)
class Corpus:
    """The documents of one split, without special pieces.

    Attributes:
        ids: all ids, memory-mapped `(tokens,)`.
        lines: where each line begins, and the end `(lines + 1,)`, memory-mapped.
        documents: the first line of each document, and the end `(documents + 1,)`, memory-mapped.
        bytes: of the text in UTF-8, line ends included where they are text.
    """

    ids: Ids
    lines: NDArray[np.int64]
    documents: NDArray[np.int64]
    bytes: int

    def __len__(self) -> int:
        return len(self.documents) - 1

    def __getitem__(self, document: int) -> Ids:
        """The ids of one document `(length,)`, a view of the file."""
        first, end = self.documents[document], self.documents[document + 1]
        return self.ids[self.lines[first] : self.lines[end]]

    def line(self, number: int) -> Ids:
        """The ids of one line `(length,)`, counted through all documents."""
        return self.ids[self.lines[number] : self.lines[number + 1]]

    @property
    def bounds(self) -> NDArray[np.int64]:
        """Where each document begins among the ids, and the end `(documents + 1,)`."""
        return np.asarray(self.lines[self.documents])

    def release(self) -> None:
        """Gives back the memory of what was read so far, which else grows to the size of the files.

        Every view stays good: what is looked at again comes from the system's cache of files.
        """
        for part in (self.ids, self.lines, self.documents):
            if isinstance(part.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
                part.base.madvise(mmap.MADV_DONTNEED)


def encode_texts(texts: Texts, tokenizer: Tokenizer, *, title: str = "") -> Corpus:
    """The corpus of `texts`, from the cache or written to it in constant memory.

    Args:
        texts: documents of lines.
        tokenizer: gives ids without special pieces.
        title: what a person calls it, for the bar and the list of the cache; empty: as `texts` are called.

    Raises:
        CapacityError: the disk has no room.
        DataError: the text cannot be read.
    """
    recipe = f"corpus {CORPUS_VERSION} {tokenizer.fingerprint} {tokenizer.vocab_size} {texts.digest}"
    key = hashlib.sha256(recipe.encode()).hexdigest()
    folder = find_entry("tokens", key)
    if folder is None:
        title = title or texts.title
        with new_entry("tokens", key, title=title) as unfinished:
            _write(unfinished, texts, tokenizer, title)
        folder = find_entry("tokens", key)
        assert folder is not None
    ids, lines, documents = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("ids", "lines", "documents"))
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    return Corpus(ids, lines, documents, facts["bytes"])


@dataclass
class _Batch:
    """Some lines, which of them begin documents, and their size in bytes."""

    lines: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    bytes: int = 0


def _batches(texts: Texts) -> Iterator[_Batch]:
    batch, size = _Batch(), 0
    for line, starts in texts.lines():
        if starts:
            batch.starts.append(len(batch.lines))
        batch.lines.append(line)
        size += len(line)
        if size >= BATCH:
            yield batch
            batch, size = _Batch(), 0
    if batch.lines:
        yield batch


def _write(folder: Path, texts: Texts, tokenizer: Tokenizer, title: str) -> None:
    """Writes the three arrays and the facts; what they need is estimated from the first batch."""
    kind = kind_of_ids(tokenizer)
    with (
        ArrayFile(folder / "ids.npy", kind) as ids,
        ArrayFile(folder / "lines.npy", np.dtype(np.int64)) as lines,
        ArrayFile(folder / "documents.npy", np.dtype(np.int64)) as documents,
        progress(f"encoding {title}", texts.bytes, "bytes") as advance,
    ):
        seen = 0
        for batch, encoded in _encoded(texts, tokenizer):
            lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
            documents.append(lines.size + np.array(batch.starts, np.int64))
            lines.append(ids.size + np.cumsum(lengths) - lengths)
            ids.append(np.fromiter(chain.from_iterable(encoded), kind, int(lengths.sum())))
            if not seen:
                written = ids.bytes + lines.bytes + documents.bytes
                check_space(folder, int(1.1 * written * texts.bytes / max(batch.bytes, 1)))
            seen += batch.bytes
            advance(batch.bytes)
        documents.append(np.array([lines.size], np.int64))
        lines.append(np.array([ids.size], np.int64))
    (folder / _FACTS).write_text(json.dumps({"bytes": seen}) + "\n", encoding="utf-8", newline="\n")


def _encoded(texts: Texts, tokenizer: Tokenizer) -> Iterator[tuple[_Batch, list[list[int]]]]:
    """Every batch with its ids; while one is used, the next is encoded and the one after it read."""

    def encode(batch: _Batch) -> tuple[_Batch, list[list[int]]]:
        batch.bytes = len("".join(batch.lines).encode())
        return batch, tokenizer.encode_batch(batch.lines)

    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for batch in _batches(texts):
            coming = pool.submit(encode, batch)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()
