"""How a checkpoint is meant to be decoded: `generation_config.json`, or the same keys in `config.json`.

No setting of decoding keeps a model from being loaded: what cannot be followed is noted, and refuses a translation that
would silently be another one (`tasks/translate.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headway.checkpoints.files import read_json
from headway.spec import ModelSpec, TranslatorSpec, vocabularies


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationDefaults:
    """Settings of decoding that belong to a checkpoint; the defaults are those of transformers."""

    beam: int = 1
    length_alpha: float = 1.0  # scores are divided by length ** length_alpha
    stop: Literal["first", "bound", "never"] = "bound"
    max_length: int | None = None  # tokens of an output; of an encoder-decoder the start token is counted
    min_length: int = 0  # tokens of an output, its end included
    ends: tuple[int, ...] = ()  # ids that end an output; (): the end token of the spec alone
    forces_end: bool = False  # the last token that the limit allows is the end token, the first of several
    forbidden: tuple[int, ...] = ()  # ids that are never chosen
    repetition_penalty: float = 1.0
    samples: bool = False  # draw instead of search
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    unfollowed: tuple[str, ...] = ()  # what nothing here can do, as `no_repeat_ngram_size = 3`

    def to_json(self, spec: ModelSpec) -> dict[str, Any]:
        """What `generation_config.json` holds; `read_generation` gives an equal object back."""
        tokens, is_decoder = spec.tokens, not isinstance(spec, TranslatorSpec)
        ends = self.ends or (tokens.end_id,)
        data: dict[str, Any] = {
            "num_beams": self.beam,
            "length_penalty": self.length_alpha,
            "early_stopping": next(theirs for theirs, ours in _STOPS.items() if ours == self.stop),
            "max_new_tokens" if is_decoder else "max_length": self.max_length,
            "min_new_tokens" if is_decoder else "min_length": max(self.min_length - is_decoder, 0) or None,
            "forced_eos_token_id": ends[0] if self.forces_end else None,
            "bad_words_ids": [[token] for token in self.forbidden] or None,
            "repetition_penalty": self.repetition_penalty,
            "do_sample": self.samples,
        }
        if self.samples:
            data |= {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p}
        start = "bos_token_id" if is_decoder else "decoder_start_token_id"
        ids = {"pad_token_id": tokens.pad_id, start: tokens.start_id}
        data |= {name: number for name, number in ids.items() if number >= 0}
        data["eos_token_id"] = list(ends) if len(ends) > 1 else ends[0] if ends[0] >= 0 else None
        data |= {key: json.loads(value) for key, _, value in (text.partition(" = ") for text in self.unfollowed)}
        return {key: value for key, value in data.items() if value is not None}


GREEDY = GenerationDefaults()


def read_generation(folder: Path, spec: ModelSpec) -> GenerationDefaults:
    """The settings in `folder`; a key of `generation_config.json` counts before the same key of `config.json`.

    Raises:
        CheckpointError: a file is damaged.
    """
    config, path = folder / "config.json", folder / "generation_config.json"
    data: Mapping[str, Any] = read_json(config, "a model's configuration") if config.exists() else {}
    if path.exists():
        data = {**data, **read_json(path, "settings of decoding")}
    given = {key: value for key, value in data.items() if value is not None}
    neutral = NEUTRAL | (NEUTRAL_DRAWS if given.get("do_sample") else {})
    strange = [key for key, value in neutral.items() if given.get(key, value) != value]
    found: dict[str, Any] = {}
    for key, (field, read) in READ.items():
        if key not in given or (key in DRAWN and not given.get("do_sample")):
            continue
        try:
            value = read(given[key], spec)
            if key == "forced_eos_token_id":
                value = _is_forced(value, found.get("ends") or (spec.tokens.end_id,))
        except (KeyError, TypeError, ValueError, OverflowError):
            strange.append(key)
        else:
            if value is not None:
                found[field] = value
    unfollowed = tuple(f"{key} = {json.dumps(given[key])}" for key in strange)
    return GenerationDefaults(**found, unfollowed=unfollowed)


def _whole(value: Any, least: int = 0) -> int:
    if type(value) is not int or not least <= value < 2**31:
        raise ValueError(value)
    return value


def _number(value: Any, above: float, most: float = math.inf) -> float:
    if isinstance(value, bool) or not above < float(value) <= most or math.isinf(value):
        raise ValueError(value)
    return float(value)


def _switch(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(value)
    return value


def _ids(value: Any, spec: ModelSpec) -> tuple[int, ...]:
    """Ids that an output may have, each once."""
    _, size = vocabularies(spec)
    ids = tuple(dict.fromkeys(_whole(token) for token in value))
    if any(token >= size for token in ids):
        raise ValueError(value)
    return ids


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _ends(value: Any, spec: ModelSpec) -> tuple[int, ...]:
    ends = _ids(_listed(value), spec)
    return () if ends == (spec.tokens.end_id,) else ends


def _is_forced(ids: tuple[int, ...], ends: tuple[int, ...]) -> bool:
    if ids != ends[:1]:
        raise ValueError(ids)
    return True


def _forbidden(value: Any, spec: ModelSpec) -> tuple[int, ...]:
    if any(len(word) != 1 for word in value):
        raise ValueError(value)
    return _ids([word[0] for word in value], spec)


def _longest(value: Any, spec: ModelSpec) -> int | None:
    """Of a decoder it counts the prompt, so it says nothing about an output."""
    return _whole(value, 2) if isinstance(spec, TranslatorSpec) else None


def _longest_new(value: Any, spec: ModelSpec) -> int:
    return _whole(value, 1) + isinstance(spec, TranslatorSpec)


def _shortest(value: Any, spec: ModelSpec) -> int:
    if value and not isinstance(spec, TranslatorSpec):  # counts the prompt
        raise ValueError(value)
    return _whole(value)


_STOPS: dict[bool | str, Literal["first", "bound", "never"]] = {True: "first", False: "bound", "never": "never"}
Reader = Callable[[Any, ModelSpec], Any]
READ: dict[str, tuple[str, Reader]] = {  # the field, and how its value is read; of two of a field the later one counts
    "num_beams": ("beam", lambda value, _: _whole(value, 1)),
    "length_penalty": ("length_alpha", lambda value, _: _number(value, -5, 5)),
    "early_stopping": ("stop", lambda value, _: _STOPS[value]),
    "max_length": ("max_length", _longest),
    "max_new_tokens": ("max_length", _longest_new),
    "min_length": ("min_length", _shortest),
    "min_new_tokens": ("min_length", lambda value, _: _whole(value) and value + 1),
    "eos_token_id": ("ends", _ends),
    "forced_eos_token_id": ("forces_end", lambda value, spec: _ids(_listed(value), spec)),
    "bad_words_ids": ("forbidden", _forbidden),
    "repetition_penalty": ("repetition_penalty", lambda value, _: _number(value, 0)),
    "do_sample": ("samples", lambda value, _: _switch(value)),
    "temperature": ("temperature", lambda value, _: _number(value, 1e-6)),
    "top_k": ("top_k", lambda value, _: _whole(value)),
    "top_p": ("top_p", lambda value, _: _number(value, 0, 1)),
}
DRAWN = {"temperature", "top_k", "top_p"}  # which count only where tokens are drawn
NEUTRAL: dict[str, Any] = {  # what would change the choice of tokens, and the value that does not
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "penalty_alpha": 0.0,
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
