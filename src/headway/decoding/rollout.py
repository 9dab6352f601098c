"""One token after the other, each chosen for good: greedy decoding and sampling."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from headway.decoding.hypotheses import AVERAGE, NO_TOKEN, Hypothesis, LengthNorm, read
from headway.decoding.processors import Moment, Processor
from headway.decoding.sampling import Choice, most_probable
from headway.models.protocols import Translator
from headway.nn.stack import Memory


@torch.inference_mode()
def rollout(
    model: Translator,
    memory: Memory,
    limits: Tensor,
    *,
    choose: Choice = most_probable,
    copies: int = 1,
    norm: LengthNorm = AVERAGE,
    processors: Sequence[Processor] = (),
) -> list[list[Hypothesis]]:
    """`copies` outputs of every sentence of `memory`, in the order they were drawn.

    `limits` `(sentences,)` is the most tokens each output may have, its end token included. A sentence leaves the batch
    when all of its outputs have ended. The log-probability is that of the model, whatever was forbidden or sharpened.
    """
    special, longest, device = model.spec.tokens, int(limits.max()), limits.device
    divisors = norm.table(longest, device)
    found: list[list[Hypothesis]] = [[] for _ in limits]
    places = torch.arange(len(limits), device=device)  # in `found`, of the sentences still going on
    ids = limits.new_full((len(limits), copies, longest), NO_TOKEN)
    total = divisors.new_zeros(len(limits), copies)
    is_open = torch.ones_like(total, dtype=torch.bool)
    state, last = model.start(memory), limits.new_full((len(limits) * copies, 1), special.start_id)
    for length in range(1, longest + 1):
        full = limits == length
        scores = model.step(last, state).log_softmax(-1, dtype=torch.float32)  # (sentences · copies, vocabulary)
        for process in processors:
            process(scores, Moment(length, full.repeat_interleave(copies)))
        tokens = choose(scores)  # (sentences · copies,)
        total += scores.gather(1, tokens[:, None]).view_as(total).masked_fill(~is_open, 0.0)
        ids[..., length - 1] = tokens.view_as(total).masked_fill(~is_open, NO_TOKEN)
        is_open &= (tokens.view_as(total) != special.end_id) & ~full[:, None]

        goes_on = is_open.any(1)
        if not goes_on.all():
            still, done = goes_on.nonzero()[:, 0], (~goes_on).nonzero()[:, 0]
            normed = total[done] / divisors[(ids[done] != NO_TOKEN).sum(-1)]
            for place, outputs in zip(places[done].tolist(), read(ids[done], normed, limits[done], norm), strict=True):
                found[place] = outputs
            if len(still) == 0:
                break
            rows = torch.arange(len(tokens), device=device).view_as(total)[still].flatten()
            state.reorder(rows, still)
            ids, total, is_open, limits, places = (x[still] for x in (ids, total, is_open, limits, places))
            tokens = tokens[rows]
        last = tokens[:, None]
    return found
