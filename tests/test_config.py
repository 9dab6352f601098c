"""Configuration: typed, complete, and wrong in one message."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headway.config import (
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainingConfig,
    build_config,
    fields,
    load_recipe,
    parse_overrides,
    read_config,
    recipes,
    to_yaml,
)
from headway.dotted import alternatives
from headway.errors import CheckpointError, ConfigError


def build(text: str, *words: str) -> RunConfig:
    return build_config(yaml.safe_load(text) or {}, parse_overrides(words), origin="test.yaml")


def test_nothing_gives_the_defaults_and_what_is_given_stands() -> None:
    assert build("") == RunConfig()
    config = build("seed: 7\ndata: {columns: {source: de}}\nmodel:\n  num_layers: 4\ntraining: {tensorboard: true}")
    assert config == RunConfig(
        seed=7,
        data=DataConfig(columns=dataclasses.replace(DataConfig().columns, source="de")),
        model=ModelConfig(num_layers=4),
        training=TrainingConfig(tensorboard=True),
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("training: {learning_rate: 1e-3}", "learning_rate", 1e-3),  # YAML 1.1 reads a text here
        ("training: {learning_rate: 1}", "learning_rate", 1.0),
        ("training: {learning_rate: -2.5}", "learning_rate", -2.5),
        ("training: {max_minutes: null}", "max_minutes", None),
        ("training: {max_steps: ~}", "max_steps", None),
        ("training: {validation_bleu: no}", "validation_bleu", False),
        ("training: {schedule: noam}", "schedule", "noam"),
    ],
)
def test_values_get_the_type_of_their_key(text: str, key: str, value: object) -> None:
    found = getattr(build(text).training, key)
    assert (found, type(found)) == (value, type(value))


def test_a_share_is_text_where_a_file_may_stand() -> None:
    assert build("data: {validation: 0.05, columns: {source: 1}}").data.validation == "0.05"
    assert build("data: {columns: {source: 1}}").data.columns.source == "1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("training: {max_step: 3}", r"unknown key training.max_step (did you mean training.max_steps?)"),
        ("max_steps: 3", "unknown key max_steps (did you mean training.max_steps?)"),
        ("modle: {num_layers: 3}", "unknown key modle.num_layers (did you mean model.num_layers?)"),
        ("training: {max_steps: {a: 1}}", "unknown key training.max_steps.a"),
        ("training: {max_steps: 1.5}", "training.max_steps is 1.5; expected whole number | null"),
        ("training: {max_steps: true}", "training.max_steps is True"),
        ("training: {max_steps: '3'}", "training.max_steps is '3'"),
        ("training: {learning_rate: fast}", "training.learning_rate is 'fast'; expected number"),
        ("training: {learning_rate: .nan}", "training.learning_rate is nan; expected number"),
        ("training: {learning_rate: 1e999}", "training.learning_rate is '1e999'; expected number"),
        (f"training: {{learning_rate: {10**400}}}", "expected number"),
        ("training: {learning_rate: true}", "training.learning_rate is True; expected number"),
        ("training: {validation_bleu: 1}", "training.validation_bleu is 1; expected true or false"),
        ("training: {parallel: null}", "expected ddp | fsdp"),
        ("seed: null", "seed is None; expected whole number"),
        ("data: {train: [a.de, a.en]}", "data.train is ['a.de', 'a.en']; expected text | null"),
        ("data: {languages: no}", "data.languages is False; expected text | null"),
        ("data: multi30k", "data is 'multi30k'; expected keys below it, such as data.name"),
        ("data: {columns: [de, en]}", "data.columns is ['de', 'en']; expected keys below it"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"test.yaml: .*" + re.escape(says)):
        build(text)


def test_all_errors_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build("seed: x\nmodel: {num_layer: 3}\ndata: {header: 3}", "--training.max_steps", "many", "--training.lr=1")
    for part in ("seed is 'x'", "model.num_layer ", "data.header is 3", "training.max_steps is 'many'", "training.lr"):
        assert part in str(caught.value)
    assert str(caught.value).count(";") >= 4


def test_a_group_whose_keys_are_all_commented_out_is_empty() -> None:
    assert build("data:\n  # name: multi30k\nmodel:") == RunConfig()


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["--training.max_steps", "100"], "training.max_steps", 100),
        (["--training.max_steps=100"], "training.max_steps", 100),
        (["--training.learning_rate", "-1e-3"], "training.learning_rate", -1e-3),
        (["--training.learning_rate=-0.5"], "training.learning_rate", -0.5),
        (["--training.max_minutes", "null"], "training.max_minutes", None),
        (["--tokenizer.joint", "false"], "tokenizer.joint", False),
        (["--data.train", "a.de,b.en"], "data.train", "a.de,b.en"),
        (["--data.train", "null"], "data.train", None),
        (["--data.train=a=b.tsv"], "data.train", "a=b.tsv"),
        (["--data.columns.target", "no"], "data.columns.target", "no"),  # Norwegian
        (["--data.columns.source", "007"], "data.columns.source", "007"),
        (["--data.delimiter", "|"], "data.delimiter", "|"),
        (["--data.delimiter", "\t"], "data.delimiter", "\t"),
        (["--data.delimiter=--"], "data.delimiter", "--"),
        (["--data.train", "a: b # c"], "data.train", "a: b # c"),
        (["--data.validation", "0.10"], "data.validation", "0.10"),
        (["--seed", "1", "--seed", "2"], "seed", 2),
    ],
)
def test_overrides_on_the_command_line(words: list[str], key: str, value: object) -> None:
    config: Any = build("seed: 5\ntraining: {max_minutes: 3, max_steps: 1}\ndata: {train: x}", *words)
    for name in key.split("."):
        config = getattr(config, name)
    assert (config, type(config)) == (value, type(value))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["quickstart"], "'quickstart' stands where an option such as --training.max_steps was expected"),
        (["--seed"], "--seed has no value; write --seed VALUE"),
        (["--tokenizer.joint", "--seed", "2"], "--tokenizer.joint has no value"),
        (["--seed", "1", "2"], "'2' stands where"),
    ],
)
def test_words_that_are_no_overrides(words: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        parse_overrides(words)


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    if type(None) in alternatives(kind):
        return st.none() | st.one_of(*[value_of(choice) for choice in alternatives(kind) if choice is not type(None)])
    if typing.get_origin(kind) is Literal:
        return st.sampled_from(typing.get_args(kind))
    return {
        bool: st.booleans(),
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        str: st.text(),
    }[kind]


def configs() -> st.SearchStrategy[RunConfig]:
    values = st.fixed_dictionaries({}, optional={key: value_of(entry.type) for key, entry in fields().items()})
    return values.map(lambda flat: build_config({}, list(flat.items()), origin="drawn"))


@given(configs())
def test_a_configuration_comes_back_from_its_yaml(config: RunConfig) -> None:
    assert build_config(yaml.safe_load(to_yaml(config)), origin="again") == config


def test_the_yaml_is_complete_and_says_what_may_stand_there() -> None:
    lines = to_yaml(RunConfig()).split("\n")
    for key, entry in fields().items():
        (line,) = [line for line in lines if line.strip().startswith(f"{key.split('.')[-1]}:") and entry.help in line]
        assert line.index(key.split(".")[-1]) == 2 * key.count(".")
    assert any(line.endswith("(none | sinusoidal | learned | rotary | alibi | relative | null)") for line in lines)


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_is_understood_by_name_and_by_path(recipe: str, tmp_path: Path) -> None:
    config = load_recipe(recipe, [("seed", 9)])
    assert config.seed == 9
    path = tmp_path / "mine.yaml"
    path.write_text(to_yaml(config), encoding="utf-8")
    assert load_recipe(str(path)) == read_config(path) == config


def test_a_tokenizer_is_not_chosen_beside_a_trained_model() -> None:
    """What a recipe says of both is for `--model.init null`; whoever says it on top means something by it."""
    beside = (
        r"tokenizer.vocab_size, tokenizer.type beside model.init {}, whose own tokenizer .* leave them out, or .*null"
    )
    asked: list[tuple[str, Any]] = [("tokenizer.vocab_size", 500), ("tokenizer.type", "char")]
    for recipe, init in (("squad", []), ("classify", [("model.init", "runs/novel")])):
        name = str(load_recipe(recipe, init).model.init)
        with pytest.raises(ConfigError, match=beside.format(re.escape(name))):
            load_recipe(recipe, [*asked, *init])
        assert load_recipe(recipe, [*asked, ("model.init", None)]).tokenizer.type == "char"
        assert load_recipe(recipe, [*init, ("tokenizer.vocab_size", None)]).model.init == name, "says nothing"
    assert load_recipe("classify", asked).tokenizer.vocab_size == 500


def test_a_recipe_that_is_not_there_or_not_yaml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no recipe or file 'quikstart'; did you mean quickstart\?"):
        load_recipe("quikstart")
    for content, says in (("a: [1", "is not YAML"), ("- a", "holds list; expected keys and values")):
        path = tmp_path / "bad.yaml"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ConfigError, match=rf"bad.yaml {says}"):
            load_recipe(str(path))


@pytest.mark.parametrize("content", [None, "a: [1", "- a", ""])
def test_a_damaged_config_of_a_run_is_a_matter_of_the_checkpoint(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=re.escape(str(path))):
        read_config(path)


def test_another_trained_model_keeps_the_dropout_of_a_recipe_that_has_one() -> None:
    """What stands beside `model.init` is for any trained model; what stands without it is for another network."""
    kept = load_recipe("headlines-gpt2", [("model.init", "runs/other")]).model
    assert (kept.init, kept.dropout) == ("runs/other", load_recipe("headlines-gpt2").model.dropout)
    assert load_recipe("nsmc-scratch").model.dropout is not None
    assert load_recipe("nsmc-scratch", [("model.init", "runs/other")]).model.dropout is None
