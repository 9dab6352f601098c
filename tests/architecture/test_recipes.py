"""Every shipped recipe is understood, comes back from its own YAML, and explains each of its keys."""

import re
from importlib import resources

import pytest
import yaml

from headway.config import build_config, load_recipe, recipes, to_yaml


def test_quickstart_is_shipped() -> None:
    assert "quickstart" in recipes()


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_parses(name: str) -> None:
    config = load_recipe(name)
    assert build_config(yaml.safe_load(to_yaml(config)), origin=name) == config


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_explains_its_keys(name: str) -> None:
    text = (resources.files("headway") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# "), f"{name}.yaml begins with what it is for"
    bare = [line for line in text.split("\n") if re.match(r"\s*\w+: *[^ #]", line) and " # " not in line]
    assert not bare, f"{name}.yaml: a comment with the default and the choices is missing: {bare}"
