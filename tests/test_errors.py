"""The exception tree: one root, a status for every class, the tree of the docstring."""

from __future__ import annotations

import inspect
import re

from headway import errors


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    drawn = {name: int(status) for name, status in re.findall(r"(\w+) +(\d+)(?:   |\n)", errors.__doc__)}
    classes = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, Exception)}
    assert drawn == {name: cls.exit_status for name, cls in classes.items()}
    for cls in classes.values():
        assert issubclass(cls, errors.HeadwayError)
        assert cls.__doc__


def test_the_nearest_word_is_named_or_all_of_them() -> None:
    assert errors.nearest("lerning_rate", {"learning_rate", "steps"}) == "did you mean learning_rate?"
    assert errors.nearest("zzz", {"b", "a"}) == "valid: a, b"
