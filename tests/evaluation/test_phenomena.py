"""What was learned of the grammar, for sentences that the grammar makes."""

from __future__ import annotations

import pytest

from headway.data import grammar
from headway.evaluation.phenomena import phenomena_of


def test_the_grammar_s_own_sentences_are_scored_phenomenon_by_phenomenon(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = grammar.generate()
    monkeypatch.setattr(grammar, "generate", lambda: drawn)  # the same each time, and drawing takes a while
    pairs = drawn["test"][:40]
    sources, references = [pair.source for pair in pairs], [pair.target for pair in pairs]
    perfect = phenomena_of([*sources, "Nobody made this sentence."], [*references, "아무도"])
    assert perfect.keys() == {name for pair in pairs for name, _ in pair.checks}
    for name, counted in perfect.items():
        total = sum(name == checked for pair in pairs for checked, _ in pair.checks)
        assert counted == {"score": 1.0, "right": total, "total": total}
    spoilt = phenomena_of(sources, ["", *references[1:]])
    for name, counted in spoilt.items():
        missed = sum(name == checked for checked, _ in pairs[0].checks)
        assert counted["right"] == perfect[name]["right"] - missed
        assert counted["score"] == counted["right"] / counted["total"]
    assert any(counted["score"] < 1 for counted in spoilt.values())
    assert phenomena_of(["A man walks."], ["한 남자가 걷는다."]) == {}
