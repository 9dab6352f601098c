"""How a checkpoint is meant to be decoded: `generation_config.json`, or the same keys in `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headway.checkpoints.files import read_json
from headway.errors import CheckpointError
from headway.spec import SpecialTokens


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationDefaults:
    """Settings of beam search that belong to a checkpoint; the defaults are those of transformers."""

    beam: int = 1
    length_alpha: float = 1.0  # scores are divided by length ** length_alpha
    stop: Literal["first", "bound", "never"] = "bound"
    max_length: int | None = None  # tokens of an output, the start token counted
    forces_end: bool = False  # the last token that the limit allows is the end token
    forbidden: tuple[int, ...] = ()  # ids that are never chosen

    def to_json(self, tokens: SpecialTokens) -> dict[str, Any]:
        """What `generation_config.json` holds; `read_generation` gives an equal object back."""
        data = {
            "num_beams": self.beam,
            "length_penalty": self.length_alpha,
            "early_stopping": next(theirs for theirs, ours in _STOPS.items() if ours == self.stop),
            "max_length": self.max_length,
            "forced_eos_token_id": tokens.end_id if self.forces_end else None,
            "bad_words_ids": [[token] for token in self.forbidden] or None,
            "pad_token_id": tokens.pad_id,
            "decoder_start_token_id": tokens.start_id,
            "eos_token_id": tokens.end_id,
        }
        return {key: value for key, value in data.items() if value is not None}


GREEDY = GenerationDefaults()


def read_generation(folder: Path, tokens: SpecialTokens) -> GenerationDefaults:
    """The settings in `folder`; a key of `generation_config.json` counts before the same key of `config.json`.

    Raises:
        CheckpointError: a file is damaged, or asks for something else than greedy or beam search.
    """
    data: Mapping[str, Any] = read_json(folder / "config.json", "a model's configuration")
    path = folder / "generation_config.json"
    if path.exists():
        data = {**data, **read_json(path, "settings of decoding")}
    for key, neutral in NEUTRAL.items():
        if data.get(key) not in (None, neutral):
            raise CheckpointError(f"{path}: {key} is {data[key]!r}; beam search here knows only {neutral!r}")
    given = {key: data[key] for key in READ if data.get(key) is not None}
    words = given.get("bad_words_ids", [])
    if any(len(word) != 1 for word in words):
        raise CheckpointError(f"{path}: bad_words_ids has an entry of several tokens; only single ones are supported")
    forced = given.get("forced_eos_token_id")
    if forced not in (None, tokens.end_id):
        raise CheckpointError(f"{path}: forced_eos_token_id is {forced!r}, but the end token is {tokens.end_id}")
    return GenerationDefaults(
        beam=given.get("num_beams", 1),
        length_alpha=float(given.get("length_penalty", 1.0)),
        stop=_STOPS[given.get("early_stopping", False)],
        max_length=given["max_new_tokens"] + 1 if "max_new_tokens" in given else given.get("max_length"),
        forces_end=forced is not None,
        forbidden=tuple(word[0] for word in words),
    )


_STOPS: dict[bool | str, Literal["first", "bound", "never"]] = {True: "first", False: "bound", "never": "never"}
READ = (
    "num_beams",
    "length_penalty",
    "early_stopping",
    "max_length",
    "max_new_tokens",
    "forced_eos_token_id",
    "bad_words_ids",
)
NEUTRAL: dict[str, Any] = {  # what would change the choice of tokens, and the value that does not
    "do_sample": False,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "penalty_alpha": 0.0,
    "min_length": 0,
    "min_new_tokens": 0,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "forced_bos_token_id": None,
    "renormalize_logits": False,
    "remove_invalid_values": False,
    "exponential_decay_length_penalty": None,
    "suppress_tokens": [],
    "begin_suppress_tokens": [],
    "sequence_bias": None,
    "constraints": None,
    "force_words_ids": None,
    "guidance_scale": 1.0,
    "stop_strings": None,
    "token_healing": False,
    "watermarking_config": None,
}
