"""How a checkpoint is meant to be decoded: `generation_config.json`, or the same keys in `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headway.checkpoints.files import read_json
from headway.errors import CheckpointError
from headway.spec import ModelSpec, SingleStackSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationDefaults:
    """Settings of decoding that belong to a checkpoint; the defaults are those of transformers."""

    beam: int = 1
    length_alpha: float = 1.0  # scores are divided by length ** length_alpha
    stop: Literal["first", "bound", "never"] = "bound"
    max_length: int | None = None  # tokens of an output; of an encoder-decoder the start token is counted
    forces_end: bool = False  # the last token that the limit allows is the end token
    forbidden: tuple[int, ...] = ()  # ids that are never chosen
    repetition_penalty: float = 1.0
    samples: bool = False  # draw instead of search
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0

    def to_json(self, spec: ModelSpec) -> dict[str, Any]:
        """What `generation_config.json` holds; `read_generation` gives an equal object back."""
        tokens, is_decoder = spec.tokens, isinstance(spec, SingleStackSpec)
        data = {
            "num_beams": self.beam,
            "length_penalty": self.length_alpha,
            "early_stopping": next(theirs for theirs, ours in _STOPS.items() if ours == self.stop),
            "max_new_tokens" if is_decoder else "max_length": self.max_length,
            "forced_eos_token_id": tokens.end_id if self.forces_end else None,
            "bad_words_ids": [[token] for token in self.forbidden] or None,
            "repetition_penalty": self.repetition_penalty,
            "do_sample": self.samples,
        }
        if self.samples:
            data |= {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p}
        ids = {
            "pad_token_id": tokens.pad_id,
            "bos_token_id" if is_decoder else "decoder_start_token_id": tokens.start_id,
            "eos_token_id": tokens.end_id,
        }
        data |= {name: number for name, number in ids.items() if number >= 0}
        return {key: value for key, value in data.items() if value is not None}


GREEDY = GenerationDefaults()


def read_generation(folder: Path, spec: ModelSpec) -> GenerationDefaults:
    """The settings in `folder`; a key of `generation_config.json` counts before the same key of `config.json`.

    Raises:
        CheckpointError: a file is damaged, or asks for what is neither a search nor a draw that is known here.
    """
    config, path = folder / "config.json", folder / "generation_config.json"
    data: Mapping[str, Any] = read_json(config, "a model's configuration") if config.exists() else {}
    if path.exists():
        data = {**data, **read_json(path, "settings of decoding")}
    neutral = NEUTRAL | (NEUTRAL_DRAWS if data.get("do_sample") else {})
    for key, value in neutral.items():
        if data.get(key) not in (None, value):
            raise CheckpointError(f"{path}: {key} is {data[key]!r}; decoding here knows only {value!r}")
    given = {key: data[key] for key in READ if data.get(key) is not None}
    try:
        return _read(path, given, spec)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path} has a setting of a wrong kind ({reason:.200})") from None


def _read(path: Path, given: Mapping[str, Any], spec: ModelSpec) -> GenerationDefaults:
    words, end_id = given.get("bad_words_ids", []), spec.tokens.end_id
    if any(len(word) != 1 for word in words):
        raise CheckpointError(f"{path}: bad_words_ids has an entry of several tokens; only single ones are supported")
    forced = given.get("forced_eos_token_id")
    if forced not in (None, end_id):
        raise CheckpointError(f"{path}: forced_eos_token_id is {forced!r}, but the end token is {end_id}")
    if isinstance(spec, SingleStackSpec):  # their max_length counts the prompt, so it says nothing about an output
        limit = given.get("max_new_tokens")
    else:
        limit = given["max_new_tokens"] + 1 if "max_new_tokens" in given else given.get("max_length")
    return GenerationDefaults(
        beam=int(given.get("num_beams", 1)),
        length_alpha=float(given.get("length_penalty", 1.0)),
        stop=_STOPS[given.get("early_stopping", False)],
        max_length=None if limit is None else int(limit),
        forces_end=forced is not None,
        forbidden=tuple(int(word[0]) for word in words),
        repetition_penalty=float(given.get("repetition_penalty", 1.0)),
        samples=bool(given.get("do_sample", False)),
        temperature=float(given.get("temperature", 1.0)),
        top_k=int(given.get("top_k", 50)),
        top_p=float(given.get("top_p", 1.0)),
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
    "repetition_penalty",
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
)
NEUTRAL: dict[str, Any] = {  # what would change the choice of tokens, and the value that does not
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "penalty_alpha": 0.0,
    "min_length": 0,
    "min_new_tokens": 0,
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
NEUTRAL_DRAWS: dict[str, Any] = {  # the same, where tokens are drawn
    "min_p": 0.0,
    "top_h": None,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
}
