"""`headway attend` on trained folders: what stands on the page is what the model does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import headway
from headway.cli.main import main
from headway.errors import ConfigError, DataError
from headway.explain.attend import attend
from tests.runs import tiny

KOREAN = "나는 어제 은행에서 친구를 만났다."


def spelled(tokens: list[object], text: str) -> str:
    """The characters the tokens cover, each once."""
    covered = {place for token in tokens for place in range(token.start, token.end)}  # type: ignore[attr-defined]
    return "".join(letter for place, letter in enumerate(text) if place in covered)


def test_a_given_target(tiny_run: Path) -> None:
    source, target = tiny.rows()[0]
    trace = attend(tiny_run, f"  {source} ", target=target)
    loaded = headway.load(tiny_run)
    pair = loaded.tokenizers
    assert (trace.source, trace.target, trace.target_given, trace.truncated) == (source, target, True, None)
    assert [token.id for token in trace.source_tokens] == [*pair.source.encode(source).ids, 3]
    assert [token.id for token in trace.target_tokens] == [2, *pair.target.encode(target).ids, 3]
    assert spelled(trace.source_tokens, source) == source
    assert spelled(trace.target_tokens, target) == target
    read, whole = len(trace.target_tokens) - 1, len(trace.source_tokens)
    shapes = {block: {layer.shape for layer in layers} for block, layers in trace.attention.items()}
    assert shapes == {"encoder": {(2, whole, whole)}, "decoder": {(2, read, read)}, "cross": {(2, read, whole)}}
    assert all(np.allclose(layer.sum(-1), 1, atol=1e-5) for layers in trace.attention.values() for layer in layers)
    ids, inputs = ([token.id for token in tokens] for tokens in (trace.source_tokens, trace.target_tokens))
    logits = loaded.model(torch.tensor([ids]), decoder_input_ids=torch.tensor([inputs[:-1]])).logits[0]
    best, order = logits.softmax(-1).sort(descending=True)
    assert len(trace.steps) == len(inputs) - 1
    for row, step in enumerate(trace.steps):
        written = inputs[row + 1]
        assert step.ids[0] == int(order[row, 0])
        assert step.probabilities == pytest.approx(best[row, :8].tolist(), rel=1e-4)
        assert step.rank == order[row].tolist().index(written) + 1
        assert step.chosen_probability == pytest.approx(float(logits.softmax(-1)[row, written]), rel=1e-4)


@pytest.mark.parametrize("fixture", ["tiny_run", "recurrent_run"])
def test_a_written_target_is_what_the_model_translates(request: pytest.FixtureRequest, fixture: str) -> None:
    run: Path = request.getfixturevalue(fixture)
    for text in (tiny.rows()[1][0], KOREAN):
        trace = attend(run, text)
        translation = headway.load(run).translate([text])[0]
        assert trace.target == translation
        assert not trace.target_given
        shown = spelled(trace.source_tokens, text)
        assert shown == text or (trace.truncated and text.startswith(shown))
        assert trace.attention.keys() == ({"encoder", "decoder", "cross"} if fixture == "tiny_run" else {"cross"})
        assert all(len(layer) == (2 if fixture == "tiny_run" else 1) for layer in trace.attention["cross"])


def test_long_texts(tiny_run: Path) -> None:
    """A source is cut, and that is said; a written target ends at the last position; a given one is refused."""
    trace = attend(tiny_run, "hund " * 70)
    count = len(headway.load(tiny_run).tokenizers.source.encode(("hund " * 70).strip()).ids)
    assert trace.truncated == (count, 39)
    assert len(trace.source_tokens) == 40
    assert len(trace.target_tokens) <= 41  # the last is only written
    with pytest.raises(ConfigError, match=r"the target has \d+ tokens; the model reads at most 39"):
        attend(tiny_run, "hund", target="dog " * 70)
    for empty in ("", "  \n"):
        with pytest.raises(DataError, match="empty"):
            attend(tiny_run, empty)


def test_the_command_writes_a_page_and_a_figure(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, figure = tmp_path / "page.html", tmp_path / "figure.png"
    capsys.readouterr()
    assert main(["attend", str(tiny_run), KOREAN, "--out", str(page), "--png", str(figure), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["layers"] == {"encoder": [1], "decoder": [1], "cross": [1]}
    assert figure.read_bytes().startswith(b"\x89PNG")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert KOREAN in text or json.dumps(KOREAN)[1:-1] in text


def test_a_model_that_looks_at_nothing_is_said(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(tiny.words(tiny_corpus, run, model__family="rnn", model__attention="none", training__max_steps=1)) == 0
    capsys.readouterr()
    assert main(["attend", str(run), "hund", "--out", str(tmp_path / "page.html")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("headway: ")
    assert "attends to nothing: it is a recurrent model without attention" in err
    assert not (tmp_path / "page.html").exists()
