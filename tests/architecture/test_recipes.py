"""Every shipped recipe is understood, comes back from its own YAML, and explains each of its keys."""

import re
from importlib import resources

import pytest
import yaml

from headway.config import build_config, fields, load_recipe, recipes, to_yaml
from headway.dotted import describe


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


@pytest.mark.parametrize("name", recipes())
def test_a_comment_says_what_the_help_says(name: str) -> None:
    text = (resources.files("headway") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    group, stale = "", []
    for line in text.split("\n"):
        if not (found := re.match(r"( *)(\w+):.* # (.*) \(", line)):
            group = line.partition(":")[0] if re.match(r"\w+:", line) else group
            continue
        indent, key, comment = found.groups()
        entry = fields().get(f"{group}.{key}" if indent else key)
        if entry is None:
            continue
        choices = "see headway families" if key == "family" else describe(entry.type).removesuffix(" | null")
        if not comment.startswith(entry.help) or f" ({choices}; default" not in line:
            stale.append(line)
    assert not stale
