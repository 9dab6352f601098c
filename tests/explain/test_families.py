"""`headway attend` on the folders of every family: what stands on the page is what transformers has inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import headway
from headway.decoding.hypotheses import Hypothesis
from headway.errors import ConfigError, DataError
from headway.explain.attend import attend
from headway.explain.texts import NEW_TOKENS
from headway.explain.trace import Trace
from headway.tasks.generate import GREEDY, generate
from tests.explain import folders
from tests.tasks import tiny

TEXT = "나는 the river 은행 bank"
TWO = {"bert": "[MASK] 은행 the", "roberta": "old [MASK]", "t5 encoder": "of the", "t5": "친구를 the"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Family → its folder and the model of transformers."""
    root = tmp_path_factory.mktemp("published")
    return {family: (root / family, folders.publish(family, root / family)) for family in folders.FAMILIES}


@torch.no_grad()
def wanted(twin: Any, trace: Trace) -> tuple[dict[str, Any], torch.Tensor | None]:
    """Block → the attentions of every layer, and the logits of every row."""
    source, target = (
        torch.tensor([[token.id for token in tokens]]) for tokens in (trace.source_tokens, trace.target_tokens)
    )
    if trace.source and trace.target:
        out = twin(source.long(), decoder_input_ids=target[:, :-1], output_attentions=True)
        blocks = {"encoder": out.encoder_attentions, "decoder": out.decoder_attentions, "cross": out.cross_attentions}
        return blocks, out.logits[0]
    if trace.target:
        out = twin(target[:, : len(target[0]) - bool(trace.steps)], output_attentions=True)
        return {"decoder": out.attentions}, out.logits[0]
    types = {}
    if trace.model.family == "bert":
        ends = [place for place, token in enumerate(trace.source_tokens) if token.piece == "[SEP]"]
        types["token_type_ids"] = (torch.arange(len(source[0])) > ends[0])[None].long()
    return {"encoder": twin(source, output_attentions=True, **types).attentions}, None


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("family", folders.FAMILIES)
def test_what_is_recorded_is_what_transformers_has(
    published: dict[str, tuple[Path, Any]], family: str, second: bool
) -> None:
    folder, twin = published[family]
    trace = attend(folder, TEXT, target=TWO.get(family, " of the 은") if second else None)
    blocks, logits = wanted(twin, trace)
    assert trace.attention.keys() == blocks.keys()
    for block, layers in blocks.items():
        assert len(trace.attention[block]) == len(layers)
        for found, right in zip(trace.attention[block], layers, strict=True):
            assert found.std() > 0.05, "too even to tell"
            np.testing.assert_allclose(found, right[0].numpy(), atol=1e-5)
            np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
    if not trace.steps:
        return
    assert logits is not None
    probabilities = logits.softmax(-1)
    for row, step in enumerate(trace.steps):
        written = trace.target_tokens[row + 1].id
        assert step.probabilities == pytest.approx(probabilities[row].topk(8).values.tolist(), rel=1e-4)
        assert step.chosen_probability == pytest.approx(float(probabilities[row, written]), rel=1e-4)
    trace.to_json()


@pytest.mark.parametrize("family", ["gpt2", "bloom", "llama"])
def test_a_decoder_writes_what_generate_writes(published: dict[str, tuple[Path, Any]], family: str) -> None:
    folder, _ = published[family]
    loaded = headway.load(folder)
    for prompt in (TEXT, "각하 😀  the "):  # pieces of bytes, blanks at the end
        trace = attend(folder, prompt)
        (best,) = next(generate(loaded.model, loaded.tokenizers, [prompt], replace(GREEDY, max_length=NEW_TOKENS)))
        assert trace.target == prompt + best.text
        assert [token.id for token in trace.target_tokens[trace.prompt :]] == best.ids
        assert not trace.target_given
        assert (trace.prompt, trace.steps[-1].row) == (len(trace.target_tokens) - len(best.ids), len(trace.steps) - 1)
        ends = [token.end for token in trace.target_tokens]
        assert ends == sorted(ends)
        assert max(token.end for token in trace.target_tokens[: trace.prompt]) == len(prompt)
        assert min(token.start for token in trace.target_tokens[trace.prompt :]) >= len(prompt)
        assert attend(folder, prompt, target=best.text).target == trace.target


def test_a_written_end_has_no_place_in_the_text(
    published: dict[str, tuple[Path, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an id without a piece is shown as a number."""
    folder, _ = published["gpt2"]
    loaded = headway.load(folder)
    end, beyond = loaded.tokenizers.source.end_id, loaded.model.head.weight.shape[0] - 1
    found = [Hypothesis([beyond, end], 0.0, 0.0, hit_limit=False)]
    monkeypatch.setattr("headway.explain.texts.complete", lambda *given: [found])
    trace = attend(folder, "the")
    assert trace.target == "the"
    *_, odd, last = trace.target_tokens
    assert (odd.piece, last.piece, last.kind, last.start, last.end) == (f"<{beyond}>", "<|endoftext|>", "special", 3, 3)


def test_a_mask_and_a_pair(published: dict[str, tuple[Path, Any]]) -> None:
    trace = attend(published["roberta"][0], "the [MASK] 은행", target="뷁 bank")
    assert trace.source == "the <mask> 은행 뷁 bank"
    (mask,) = [token for token in trace.source_tokens if token.piece == "<mask>"]
    assert (mask.kind, trace.source[mask.start : mask.end].strip()) == ("special", "<mask>")
    ends = [(place, token.start) for place, token in enumerate(trace.source_tokens) if token.piece == "</s>"]
    assert [start for _, start in ends] == [len("the <mask> 은행"), len("the <mask> 은행"), len(trace.source)]
    assert trace.source_tokens[ends[1][0] + 1].start == len("the <mask> 은행 ")
    assert len([name for name in trace.names("source") if name.startswith("뷁 ")]) == 3
    typed = attend(published["roberta"][0], "the </s> bank")
    assert [token.piece for token in typed.source_tokens].count("</s>") == 1  # text is text


@torch.no_grad()
def test_masks_have_the_words_that_fill_has(published: dict[str, tuple[Path, Any]]) -> None:
    folder, twin = published["bert"]
    text = "the [MASK] 은행 [MASK] bank"
    trace = attend(folder, text)
    ids = torch.tensor([[token.id for token in trace.source_tokens]])
    probabilities = twin(ids).logits[0].softmax(-1)
    assert [trace.source_tokens[mask.token].piece for mask in trace.masks] == ["[MASK]", "[MASK]"]
    for mask, filled in zip(trace.masks, headway.load(folder).fill(text, k=8).masks, strict=True):
        assert mask.probabilities == pytest.approx(probabilities[mask.token, list(mask.ids)].tolist(), rel=1e-4)
        assert mask.probabilities == pytest.approx([word.score for word in filled.words], rel=1e-5)
    shown = trace.to_json()
    assert [mask["at"] for mask in shown["masks"]] == [mask.token for mask in trace.masks]
    assert (shown["out"], trace.target_given) == ([], True)
    assert not attend(folder, "the bank").masks
    assert not attend(published["roberta"][0], text).masks, "it has no head for words"
    with pytest.raises(ConfigError, match="an offer for token 99"):
        replace(trace, masks=[replace(trace.masks[0], token=99)])


@pytest.mark.parametrize("family", ["bert", "t5 encoder", "t5", "gpt2", "gpt2 labels", "llama"])
def test_long_texts_are_cut_and_that_is_said(
    published: dict[str, tuple[Path, Any]], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.explain.texts.LONGEST", 45)
    folder, _ = published[family]
    text = "the bank " * 40
    for second in (None, " of the river" * 40):
        trace = attend(folder, text, target=None if family == "t5" else second)
        assert trace.truncated is not None
        whole, kept = trace.truncated
        most = tiny.LENGTH if family == "bert" else 45
        given = trace.source_tokens or trace.target_tokens[: trace.prompt or None]
        assert len(given) <= most
        assert kept == sum(token.start < token.end for token in given)
        assert kept > most - 4
        assert whole > kept
    with pytest.raises(DataError, match="empty"):
        attend(folder, "")
