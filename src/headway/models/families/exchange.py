"""What families have in common when they read and write the `config.json` of transformers.

A family whose weights others publish is a module with the names of `Published`. Every key of its configuration is read,
has one value that the family can have, or is known to change nothing; whatever else is set is refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from headway.errors import CheckpointError, ConfigError
from headway.models.keys import Same
from headway.spec import Activation, LabelHeadSpec, SpecialTokens

ACTIVATIONS: dict[str, Activation] = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "swish": "silu",
    "silu": "silu",
}
# fmt: off
NOTES = {  # what no family looks at: notes of transformers, switches of its outputs, settings of decoding and training
    "_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version", "tokenizer_class", "use_cache",
    "return_dict", "output_attentions", "output_hidden_states", "chunk_size_feed_forward", "gradient_checkpointing",
    "id2label", "label2id", "problem_type", "_num_labels", "num_labels", "finetuning_task", "task_specific_params",
    "_attn_implementation", "attn_implementation", "prefix", "language", "max_length", "min_length", "num_beams",
    "length_penalty", "early_stopping", "bad_words_ids", "forced_eos_token_id", "forced_bos_token_id", "do_sample",
    "top_k", "top_p", "temperature", "no_repeat_ngram_size", "repetition_penalty", "num_return_sequences",
    "sep_token_id", "cls_token_id", "unk_token_id", "output_past", "directionality",
}
# fmt: on


class Published(Protocol):
    """A family as others publish it: a module of this folder."""

    MODEL_TYPE: str  # `model_type` of `config.json`
    PREFIX: str  # what stands before the names of the base model where a head stands on it, such as "bert."
    BUFFERS: Mapping[str, str | None]  # pattern of a name that is no weight: our buffer that it must equal; None: any

    def spec(self, config: Mapping[str, Any], architecture: str | None = None) -> Any:
        """The model of a `config.json`; `architecture` is a class name of transformers, None: as the config says."""
        ...

    def config(self, model: Any) -> dict[str, Any]:
        """The `config.json` of a model."""
        ...

    def keys(self, model: Any) -> list[Same]:
        """What each parameter is called in a checkpoint."""
        ...

    def copies(self, model: Any) -> dict[str, str]:
        """Names under which a checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
        ...


def check(
    config: Mapping[str, Any], *, read: Collection[str], fixed: Mapping[str, Any], unused: Collection[str]
) -> None:
    """Every key that is set is known, and has a value that the family can have.

    Raises:
        CheckpointError: one has not; the message names it and what it may be.
    """
    for key, value in fixed.items():
        if config.get(key, value) not in (value, None):
            raise CheckpointError(f"config.json: {key} is {config[key]!r}; only {value!r} is supported")
    known = {*read, *fixed, *unused, *NOTES}
    if unknown := [f"{key} = {value!r}" for key, value in config.items() if value and key not in known]:
        raise CheckpointError(
            f"config.json has keys that may change what the model does: {', '.join(unknown)}; remove those that do not"
        )


def confirmed(data: dict[str, Any], read: Callable[[dict[str, Any]], Any], model: Any) -> dict[str, Any]:
    """`data`, after `read` has made `model` of it again.

    Raises:
        ConfigError: it makes another model, or none; the message names what the family has not.
    """
    said, instead = f"the model cannot be written as {data['model_type']}", "keep it in the format headway"
    try:
        back = read(data)
    except CheckpointError as error:
        raise ConfigError(f"{said}: {error}; {instead}") from None
    if lost := [f"{path} {value!r}" for path, value in _lost(model, back)]:
        if any(one.endswith("norm_order 'pre'") for one in lost):
            instead += ", or train it with --model.norm_order post"
        raise ConfigError(f"{said}, which has no {', '.join(lost)}; {instead}")
    return data


def _lost(ours: Any, theirs: Any) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(ours):
        own, other = getattr(ours, field.name), getattr(theirs, field.name, None)
        if own != other and dataclasses.is_dataclass(own) and dataclasses.is_dataclass(other):
            yield from ((f"{field.name}.{path}", value) for path, value in _lost(own, other))
        elif own != other:
            yield field.name, own


@contextmanager
def said_of_config() -> Iterator[None]:
    """Inside, what cannot be is said of `config.json`.

    Raises:
        CheckpointError: for a ConfigError.
    """
    try:
        yield
    except ConfigError as error:
        raise CheckpointError(f"config.json: {error}") from None


def number(config: Mapping[str, Any], *names: str) -> int:
    """The whole number under the first of `names` that is set.

    Raises:
        CheckpointError: there is none, or it is no whole number.
    """
    found = optional_number(config, *names)
    if found is None:
        raise CheckpointError(f"config.json has no key {names[0]!r}; is this a {config.get('model_type')} model?")
    return found


def optional_number(config: Mapping[str, Any], *names: str) -> int | None:
    """The whole number under the first of `names` that is set, if one is.

    Raises:
        CheckpointError: it is no whole number.
    """
    for name in names:
        if config.get(name) is not None:
            if type(config[name]) is not int:
                raise CheckpointError(f"config.json: {name} is {config[name]!r}; expected a whole number")
            return int(config[name])
    return None


def share(config: Mapping[str, Any], name: str, default: float) -> float:
    """The number under `name`, or `default`.

    Raises:
        CheckpointError: it is no number.
    """
    value = config.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise CheckpointError(f"config.json: {name} is {value!r}; expected a number")
    return default if value is None else float(value)


def activation(config: Mapping[str, Any], name: str, default: str) -> Activation:
    """The activation under `name`.

    Raises:
        CheckpointError: it is none of ours.
    """
    given = config.get(name, default)
    if not isinstance(given, str) or given not in ACTIVATIONS:
        raise CheckpointError(f"config.json: {name} is {given!r}; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[given]


def activation_name(ours: Activation) -> str:
    """What transformers calls it."""
    return next(theirs for theirs, name in ACTIVATIONS.items() if name == ours and theirs != "swish")


def architecture_of(config: Mapping[str, Any], wanted: str | None, known: Collection[str], default: str) -> str:
    """Which class of transformers the weights are of: the one that is `wanted`, or the first of `architectures`.

    Raises:
        CheckpointError: the family has no such head here.
    """
    names = config.get("architectures") or [default]
    given = wanted or (names[0] if isinstance(names, list) else names)
    if given not in known:
        raise CheckpointError(f"config.json: architectures names {given}; valid: {', '.join(known)}")
    return str(given)


def label_head(
    config: Mapping[str, Any],
    of: Literal["text", "tokens", "span", "choices"],
    *,
    reads: Literal["pooler", "first", "last"] = "pooler",
    hidden: bool = False,
    bias: bool = True,
    dropout: float = 0.0,
) -> LabelHeadSpec:
    """A head with the labels that `config.json` names (transformers names two where it names none).

    Raises:
        CheckpointError: `id2label` is no table of labels, or `problem_type` is unknown.
    """
    problems: dict[Any, Literal["single", "multi", "regression"]] = {
        None: "single", "single_label_classification": "single", "multi_label_classification": "multi",
        "regression": "regression",
    }  # fmt: skip
    given = config.get("problem_type")
    if not (given is None or isinstance(given, str)) or given not in problems:
        raise CheckpointError(f"config.json: problem_type is {given!r}; known: {', '.join(filter(None, problems))}")
    labels = {"span": ("start", "end"), "choices": ("score",)}.get(of) or _labels(config)
    problem = problems[given]
    if given is None and of == "text" and len(labels) == 1:
        problem = "regression"
    return LabelHeadSpec(of=of, labels=labels, problem=problem, reads=reads, hidden=hidden, bias=bias, dropout=dropout)


def label_keys(head: LabelHeadSpec) -> dict[str, Any]:
    """What `label_head` reads."""
    if head.of in ("span", "choices"):
        return {}
    problems = {
        "single": "single_label_classification", "multi": "multi_label_classification", "regression": "regression",
    }  # fmt: skip
    return {
        "id2label": {str(i): label for i, label in enumerate(head.labels)},
        "label2id": {label: i for i, label in enumerate(head.labels)},
        "problem_type": problems[head.problem] if head.of == "text" else None,
    }


def _labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    table = config.get("id2label")
    if table is None:
        count = optional_number(config, "num_labels", "_num_labels") or 2
        return tuple(f"LABEL_{i}" for i in range(count))
    try:
        places = {int(place): str(label) for place, label in table.items()}
    except (AttributeError, TypeError, ValueError):
        raise CheckpointError(f"config.json: id2label is {table!r}; expected a label for each number") from None
    if sorted(places) != list(range(len(places))) or not places:
        raise CheckpointError(f"config.json: id2label numbers its labels {sorted(places)}; expected 0, 1, 2 and so on")
    return tuple(places[i] for i in range(len(places)))


def special_tokens(
    config: Mapping[str, Any], *, pad: int | None, start: int | None, end: int | None, starts: str = "bos_token_id"
) -> SpecialTokens:
    """The ids under `pad_token_id`, `starts` and `eos_token_id`; where one is not set, what the family has.

    Raises:
        CheckpointError: one is neither a whole number nor a list of such.
    """
    found = []
    for name, default in (("pad_token_id", pad), (starts, start), ("eos_token_id", end)):
        given = config.get(name, default)
        if isinstance(given, list) and given:
            given = given[0]
        if given is not None and type(given) is not int:
            raise CheckpointError(f"config.json: {name} is {given!r}; expected one id")
        found.append(-1 if given is None else given)
    return SpecialTokens(pad_id=found[0], start_id=found[1], end_id=found[2])


def token_keys(tokens: SpecialTokens, *, starts: str = "bos_token_id") -> dict[str, int | None]:
    """What `special_tokens` reads."""
    ids = {"pad_token_id": tokens.pad_id, starts: tokens.start_id, "eos_token_id": tokens.end_id}
    return {name: None if number < 0 else number for name, number in ids.items()}
