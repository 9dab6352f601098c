"""One token after the other, each chosen for good: greedy decoding and sampling."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch
from torch import Tensor

from headway.decoding.hypotheses import AVERAGE, NO_TOKEN, Hypothesis, LengthNorm, read
from headway.decoding.processors import ForceEnd, Moment, Processor
from headway.decoding.sampling import Choice, most_probable
from headway.decoding.stopping import Ending
from headway.errors import CheckpointError
from headway.models.protocols import Decoder, DecoderState
from headway.nn.masks import Layout

Rollout = Generator[Tensor, None, list[list[Hypothesis]]]


@torch.inference_mode()
def rollout(
    model: Decoder,
    state: DecoderState,
    first: Tensor,
    limits: Tensor,
    *,
    layout: Layout | None = None,
    choose: Choice = most_probable,
    copies: int = 1,
    ends: Sequence[int] | None = None,
    norm: LengthNorm = AVERAGE,
    processors: Sequence[Processor] = (),
    until: Ending | None = None,
) -> Rollout:
    """Yields the tokens `(rows,)` of each step, and returns `copies` outputs of every sentence as they were drawn.

    `state` has seen nothing yet but a source; `first` `(sentences, tokens)` is what the model reads next: the start
    token, or prompts, of which `layout` tells the padding on their left. It is read once, whatever the number of
    copies. `limits` `(sentences,)` is the most tokens each output may have, its end token included. An output ends
    with one of `ends` (None: the model's end token), and a sentence leaves the batch when all of its outputs have
    ended. The log-probability is that of the model, whatever was forbidden, discouraged or sharpened; an end token
    that was forced counts 0.

    Raises:
        CheckpointError: the model computes what is no number.
    """
    longest, device = int(limits.max()), limits.device
    end_ids = limits.new_tensor([model.spec.tokens.end_id] if ends is None else ends)
    divisors = norm.table(longest, device)
    found: list[list[Hypothesis]] = [[] for _ in limits]
    places = torch.arange(len(limits), device=device)  # in `found`, of the sentences still going on
    ids = limits.new_full((len(limits), copies, longest), NO_TOKEN)
    total = divisors.new_zeros(len(limits), copies)
    is_open = torch.ones_like(total, dtype=torch.bool)
    forces = any(isinstance(process, ForceEnd) for process in processors)
    logits = model.step(first, state, layout).repeat_interleave(copies, 0)
    if copies > 1:
        state.reorder(torch.arange(len(first), device=device).repeat_interleave(copies))
    before = mask_padding(first, layout)
    for length in range(1, longest + 1):
        full, scores = limits == length, logits.float()  # (sentences,); (sentences · copies, vocabulary)
        believed = log_probabilities(logits)
        moment = Moment(length, full.repeat_interleave(copies), before, ids[..., : length - 1].flatten(0, 1))
        for process in processors:
            process(scores, moment)
        tokens = choose(scores)  # (sentences · copies,)
        chosen = believed.gather(1, tokens[:, None]).view_as(total)
        counts = is_open & ~full[:, None] if forces else is_open
        total += chosen.masked_fill(~counts, 0.0)
        ids[..., length - 1] = tokens.view_as(total).masked_fill(~is_open, NO_TOKEN)
        yield tokens
        is_open &= ~(torch.isin(tokens, end_ids).view_as(total) | full[:, None])
        if until is not None:
            is_open &= ~until(ids[..., :length].flatten(0, 1)).view_as(total)

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
            ids, total, is_open, limits, places, before = (
                x[still] for x in (ids, total, is_open, limits, places, before)
            )
            tokens = tokens[rows]
        logits = model.step(tokens[:, None], state)
    return found


def finish(steps: Rollout) -> list[list[Hypothesis]]:
    """What a rollout returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: list[list[Hypothesis]] = end.value
            return found


def log_probabilities(logits: Tensor) -> Tensor:
    """`(rows, vocabulary)` in float32.

    Raises:
        CheckpointError: there is a row that is no distribution.
    """
    found = logits.log_softmax(-1, dtype=torch.float32)
    if found[:, 0].isnan().any():  # as is then every number of the row
        raise CheckpointError(
            "the model computes what is no number (NaN): its weights are damaged, or too large for their dtype; "
            "fetch or train it again, or use --dtype float32"
        )
    return found


def mask_padding(first: Tensor, layout: Layout | None) -> Tensor:
    """`first` with NO_TOKEN where no token stands."""
    return first if layout is None or layout.keep is None else first.masked_fill(~layout.keep, NO_TOKEN)
