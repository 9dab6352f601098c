"""How well a model says a text: perplexity, and bits per byte, which do not depend on how the text is cut into tokens.

A text longer than the model reads at once is scored by windows that overlap: each moves on by `stride` tokens and
counts those alone, so that every token is predicted once, from at least `max_length - stride` tokens before it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from headway.data.batching import TokenBatches
from headway.data.blocks import Stream, starts_of
from headway.data.corpus import Corpus
from headway.data.progress import progress
from headway.errors import ConfigError, DataError
from headway.evaluation.bootstrap import mean_with_interval
from headway.models.heads import LanguageHead
from headway.objectives.causal_lm import CausalLM, Reader

_STRETCHES = 100  # of a single document, to resample
_MOST_UNITS = 10_000  # resampled at a time; of more documents, neighbours stay together
_ROWS = 512  # projected to the vocabulary at a time


class StridedWindows(NamedTuple):
    """What is read and what is scored of it, as places among the predictions; `(windows,)` each."""

    begin: NDArray[np.int64]
    scored: NDArray[np.int64]  # from here on
    end: NDArray[np.int64]


def strided_windows(starts: NDArray[np.int64], max_length: int, stride: int) -> StridedWindows:
    """The windows that score every prediction of every document once.

    Args:
        starts: where each document begins, and the end `(documents + 1,)`.
        max_length: predictions a window, at most.
        stride: how far each moves on.

    >>> strided_windows(np.array([0, 3, 10]), max_length=4, stride=2)
    StridedWindows(begin=array([0, 3, 5, 6]), scored=array([0, 3, 7, 9]), end=array([ 3,  7,  9, 10]))
    """
    sizes = np.diff(starts)
    windows = 1 + -(-np.maximum(sizes - max_length, 0) // stride)  # of each document
    document = np.repeat(np.arange(len(sizes)), windows)
    number = np.arange(len(document)) - (np.cumsum(windows) - windows)[document]  # of each in its document
    first, size = starts[document], sizes[document]
    end = np.minimum(max_length + number * stride, size)
    scored = np.where(number, max_length + (number - 1) * stride, 0)
    return StridedWindows(first + np.maximum(end - max_length, 0), first + scored, first + end)


@torch.no_grad()
def token_nll(
    model: Reader,
    corpus: Corpus,
    *,
    start_id: int,
    end_id: int,
    max_length: int,
    stride: int | None = None,
    batch_tokens: int = 8192,
) -> NDArray[np.float64]:
    """The negative log-likelihood of every prediction of a corpus, document after document, in nats `(predictions,)`.

    Args:
        model: a causal one, in evaluation mode.
        corpus: the documents; each ends with the end token, which is predicted too.
        start_id: of the token that is read first.
        end_id: of the token that is said last.
        max_length: tokens the model reads at once.
        stride: how far a window moves on, in tokens; None: half of `max_length`. With 1 every token is predicted from
            all that the model can read before it.
        batch_tokens: padded tokens a batch; changes the speed and the memory, not the result.

    Raises:
        ConfigError: the stride is not between 1 and `max_length`, or the model cannot read so much at once.
        DataError: there is no document.
    """
    stride = max(1, max_length // 2) if stride is None else stride
    if not 1 <= stride <= max_length:
        raise ConfigError(f"a stride of {stride} tokens in windows of {max_length}; choose 1 to {max_length}")
    stream, windows = Stream(corpus, start_id, end_id), strided_windows(starts_of(corpus), max_length, stride)
    device = model.head.weight.device
    nll = np.empty(len(stream))
    with progress("scoring", len(stream), "tokens") as advance:
        for rows in TokenBatches(windows.end - windows.begin, budget=batch_tokens).evaluation():
            begin, scored, end = (places[rows] for places in windows)
            cuts = [stream.cut(*span) for span in zip(begin.tolist(), end.tolist(), strict=True)]
            batch = CausalLM().collate(cuts, ())
            place = batch.layout.positions.numpy() + np.repeat(begin, end - begin)  # of each token in the stream
            is_scored = torch.from_numpy(place >= np.repeat(scored, end - begin))
            place, labels, batch = place[is_scored.numpy()], batch.labels[is_scored], batch.to(device)
            states = model.hidden(batch.inputs, batch.layout)[is_scored.to(device)]
            nll[place] = _nll(model.head, states, labels.to(device)).cpu().numpy()
            advance(len(place))
    return nll


def _nll(head: LanguageHead, states: Tensor, labels: Tensor) -> Tensor:
    """Of each label, in float32 or wider `(tokens,)`; the logits of a few hundred tokens exist at a time."""
    wide = torch.promote_types(states.dtype, torch.float32)
    pieces = zip(states.split(_ROWS), labels.split(_ROWS), strict=True)
    return torch.cat([F.cross_entropy(head(piece).to(wide), label, reduction="none") for piece, label in pieces])


def language_metrics(nll: NDArray[np.float64], corpus: Corpus, *, intervals: bool = True) -> dict[str, Any]:
    """Perplexity and bits per byte.

    The end of each document is a prediction like any other, but no byte of the text. Resampled are documents, each with
    bytes in proportion to its predictions; a single document is resampled in a hundred stretches.

    Args:
        nll: of every prediction of the corpus, whoever made it, in nats `(predictions,)`.
        corpus: what was predicted.
        intervals: also `low` and `high`, the 95 % interval by the bootstrap.

    Returns:
        The sums `nll` (nats), `tokens` and `bytes`, and `perplexity` and `bits_per_byte`, each with its `score`, `low`
        and `high`.

    Raises:
        DataError: there is no text.
    """
    if not corpus.bytes:
        raise DataError("there is no text to measure on; give at least one line")
    means = {"score": float(nll.mean())}
    if intervals and len(nll) > 1:
        means = mean_with_interval(*_parts(nll, starts_of(corpus)[:-1])) | means
    bits = len(nll) / corpus.bytes / math.log(2)  # a byte, for each nat a prediction
    return {
        "nll": float(nll.sum()),
        "tokens": len(nll),
        "bytes": corpus.bytes,
        "perplexity": {name: math.exp(min(mean, 50.0)) for name, mean in means.items()},
        "bits_per_byte": {name: bits * mean for name, mean in means.items()},
    }


def _parts(nll: NDArray[np.float64], starts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of each part that is drawn anew the sum and how many predictions it has; documents begin at `starts`."""
    if len(starts) == 1:
        starts = np.unique(np.linspace(0, len(nll), _STRETCHES, endpoint=False, dtype=np.int64))
    starts = starts[:: -(-len(starts) // _MOST_UNITS)]
    return np.add.reduceat(nll, starts), np.diff(np.append(starts, len(nll)))
