"""Beam search, for anything with `step` (`models/protocols.py`), vectorised over sentences and beams.

It returns what `generate` of transformers returns: the same hypotheses and the same scores. Candidates are the 2·beam
best continuations of a sentence (one `beam` more for each further end token), so that enough are left when some of them
end; of those that end, only the ones among the best `beam` are kept. A stop rule says when a sentence is done:

    first   as soon as `beam` hypotheses have ended            (`early_stopping=True`)
    bound   when the best live hypothesis, at its present length, scores no better than the worst ended one    (`False`)
    never   when it could not even at the length that would suit it best: nothing is given up early   (`"never"`)

A sentence that is done leaves the batch at once; the others go on without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from headway.decoding.hypotheses import AVERAGE, NO_TOKEN, Hypothesis, LengthNorm, read
from headway.decoding.processors import Moment, Processor
from headway.decoding.rollout import log_probabilities, mask_padding
from headway.decoding.stopping import Ending
from headway.decoding.vocabulary import highest
from headway.models.protocols import Decoder, DecoderState
from headway.nn.masks import Layout

Stop = Literal["first", "bound", "never"]


class Beams(NamedTuple):
    """Hypotheses of several sentences, the best of each first."""

    ids: Tensor  # `(sentences, hypotheses, longest)`, NO_TOKEN where none stands
    scores: Tensor  # `(sentences, hypotheses)`; −inf: there is no such hypothesis

    def extend(self, log_probabilities: Tensor, length: int, count: int) -> tuple[Beams, Tensor]:
        """The `count` best continuations of each sentence to `length` tokens, and which hypothesis each comes from."""
        values, tokens = highest(log_probabilities, count)  # (sentences · hypotheses, tokens)
        scores = (self.scores[..., None] + values.view(*self.scores.shape, -1)).flatten(1)
        scores, choice = scores.topk(min(count, scores.shape[1]))
        origin = choice // values.shape[1]
        ids = _gather(self.ids, origin)
        ids[..., length - 1] = tokens.view(len(ids), -1).gather(1, choice)
        return Beams(ids, scores), origin

    def best(self, count: int) -> tuple[Beams, Tensor]:
        """The `count` best of each sentence, and where they stood."""
        scores, choice = self.scores.topk(min(count, self.scores.shape[1]))
        return Beams(_gather(self.ids, choice), scores), choice

    def join(self, other: Beams) -> Beams:
        """The hypotheses of both, sentence by sentence."""
        return Beams(torch.cat([self.ids, other.ids], 1), torch.cat([self.scores, other.scores], 1))

    def select(self, sentences: Tensor) -> Beams:
        """Some of the sentences."""
        return Beams(self.ids[sentences], self.scores[sentences])


@torch.inference_mode()
def beam_search(
    model: Decoder,
    state: DecoderState,
    first: Tensor,
    limits: Tensor,
    *,
    beam: int,
    ends: Sequence[int] | None = None,
    layout: Layout | None = None,
    norm: LengthNorm = AVERAGE,
    stop: Stop = "bound",
    processors: Sequence[Processor] = (),
    until: Ending | None = None,
) -> list[list[Hypothesis]]:
    """The `beam` best hypotheses of every sentence, best first.

    `state`, `first`, `layout`, `limits` and `ends` are as in `rollout`. Log-probabilities are those after the
    processors: a repetition penalty is part of the score.

    Raises:
        CheckpointError: the model computes what is no number.
    """
    longest = int(limits.max())
    end_ids = limits.new_tensor([model.spec.tokens.end_id] if ends is None else ends)
    divisors = norm.table(longest, limits.device)
    found: list[list[Hypothesis]] = [[] for _ in limits]
    places = torch.arange(len(limits), device=limits.device)  # in `found`, of the sentences still searched
    nothing = limits.new_full((len(limits), beam, longest), NO_TOKEN)
    live = Beams(nothing[:, :1], divisors.new_zeros(len(limits), 1))  # one each, until there is something to tell apart
    ended = Beams(nothing, divisors.new_full((len(limits), beam), -torch.inf))
    before, last = mask_padding(first, layout), first
    for length in range(1, longest + 1):
        full, width = limits == length, live.scores.shape[1]
        logits = model.step(last, state, layout if length == 1 else None)
        scores = log_probabilities(logits)  # (sentences · width, vocabulary)
        moment = Moment(length, full.repeat_interleave(width), before, live.ids[..., : length - 1].flatten(0, 1))
        for process in processors:
            process(scores, moment)
        candidates, origin = live.extend(scores, length, max(2, 1 + len(end_ids)) * beam)
        is_end = full[:, None] | torch.isin(candidates.ids[..., length - 1], end_ids)  # (sentences, candidates)
        if until is not None:
            is_end |= until(candidates.ids[..., :length].flatten(0, 1)).view_as(is_end)

        normed = (candidates.scores / divisors[length]).masked_fill(~is_end, -torch.inf)
        ended, _ = ended.join(Beams(candidates.ids[:, :beam], normed[:, :beam])).best(beam)
        live, choice = candidates._replace(scores=candidates.scores.masked_fill(is_end, -torch.inf)).best(beam)
        horizon = torch.maximum(divisors[limits], divisors[length]) if stop == "never" else divisors[length]
        is_open = live.scores[:, 0] / horizon > ended.scores[:, -1]
        if stop == "first":
            is_open &= ended.scores[:, -1].isneginf()

        rows = origin.gather(1, choice) + torch.arange(0, len(last), width, device=limits.device)[:, None]
        still = None
        if not is_open.all():
            still, done = is_open.nonzero()[:, 0], (~is_open).nonzero()[:, 0]
            results = read(*ended.select(done), limits[done], norm)
            for place, hypotheses in zip(places[done].tolist(), results, strict=True):
                found[place] = hypotheses
            if len(still) == 0:
                break
            live, ended, rows = live.select(still), ended.select(still), rows[still]
            limits, places, before = limits[still], places[still], before[still]
        state.reorder(rows.flatten(), still)
        last = live.ids[..., length - 1].view(-1, 1)
    return found


def _gather(ids: Tensor, choice: Tensor) -> Tensor:
    return ids.gather(1, choice[..., None].expand(-1, -1, ids.shape[-1]))
