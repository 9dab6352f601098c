"""Models that label texts without a stack of blocks: a text has one label in any batch, every weight learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from headway.checkpoints import native
from headway.errors import ConfigError
from headway.models import build
from headway.models.families import awd_lstm, elmo, recurrent_classifier, text_cnn
from headway.models.text_cnn import TextCnn
from headway.nn.masks import Layout
from headway.spec import LabelHeadSpec, WithoutStack, labelled
from headway.text.characters import spelled
from headway.text.trainer import train

HEAD = LabelHeadSpec(of="text", labels=("x", "y", "z"))
Recurrent = recurrent_classifier.RecurrentClassifier
CHOICES: dict[str, Any] = {
    "text_cnn": text_cnn.TextCnn(d_model=8, num_filters=5),
    "lstm": Recurrent(num_layers=2, d_model=8),
    "gru": Recurrent(cell="gru", d_model=8, attention="additive"),
    "rnn": Recurrent(cell="rnn", d_model=8, attention="dot", bidirectional=False),
    "awd_lstm": awd_lstm.AwdLstm(num_layers=2, d_model=6, d_cell=8, word_dropout=0.0),
    "elmo": elmo.Elmo(d_model=6, d_cell=10, filters=((1, 4), (2, 5)), dropout=0.5),
}
TOKENIZER = spelled(train(["나는 간다 a b c", "나는 온다 a"], type="word", vocab_size=9))
ROWS = [TOKENIZER.wrap(ids).ids for ids in TOKENIZER.encode_batch(["나는 간다", "ab, c" * 9, "a"])]
LENGTHS = [len(row) for row in ROWS]
END_TO_END = torch.tensor([index for row in ROWS for index in row])


def spec_of(name: str) -> WithoutStack:
    spec: WithoutStack = labelled(CHOICES[name].spec(TOKENIZER.vocab_size), HEAD)
    return spec


def model_of(name: str) -> Any:
    torch.manual_seed(0)
    model = build(spec_of(name)).double().eval()
    with torch.no_grad():  # so that every weight matters
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def padded(start: int) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(LENGTHS) + 4
    ids, keep = torch.full((3, length), 7), torch.zeros(3, length, dtype=torch.bool)
    for row, text in enumerate(ROWS):
        ids[row, start : start + len(text)], keep[row, start : start + len(text)] = torch.tensor(text), True
    return ids, keep


@pytest.mark.parametrize("name", CHOICES)
def test_a_text_is_the_same_alone_padded_or_packed(name: str) -> None:
    model = model_of(name)
    alone = torch.cat([model(torch.tensor([row])).logits for row in ROWS])
    assert (alone[0] - alone[1]).abs().max() > 1e-3
    packed = model.label_logits(END_TO_END, Layout.packed(LENGTHS))
    torch.testing.assert_close(packed, alone, rtol=0.0, atol=1e-12)
    for start in (0, 4):
        torch.testing.assert_close(model(*padded(start)).logits, alone, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("name", CHOICES)
def test_every_weight_learns_and_dropout_is_of_training_only(name: str) -> None:
    model, ids, layout = model_of(name), END_TO_END, Layout.packed(LENGTHS)
    assert torch.equal(model.label_logits(ids, layout), model.label_logits(ids, layout))
    model.train()
    first, second = model.label_logits(ids, layout), model.label_logits(ids, layout)
    assert not torch.equal(first, second)
    (first.square().sum() + second.square().sum()).backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("name", CHOICES)
def test_a_model_comes_back_from_a_folder(name: str, tmp_path: Path) -> None:
    model = model_of(name).float()
    native.save(model, tmp_path, dtype=torch.float32)
    again = native.load(model.spec, tmp_path / "model.safetensors")
    assert again.spec == model.spec
    torch.testing.assert_close(again(*padded(1)).logits, model(*padded(1)).logits, rtol=0, atol=0)


def test_text_cnn_is_a_convolution_the_highest_value_and_a_projection() -> None:
    """Kim 2014, equations 2 and 3, by torch's own convolution over one text with blanks around it."""
    model = model_of("text_cnn")
    assert isinstance(model, TextCnn)
    for row in ROWS:
        words = model.tokens.weight[row].T[None]  # (1, d_model, length)
        found = []
        for width, filters in zip((3, 4, 5), model.convolutions, strict=True):
            conv = torch.nn.Conv1d(8, 5, width).double()
            conv.load_state_dict(filters.state_dict())
            found.append(conv(F.pad(words, (width - 1, width - 1))).relu().amax(-1))
        expected = torch.cat(found, -1) @ model.label_head.out.weight.T + model.label_head.out.bias
        torch.testing.assert_close(model(torch.tensor([row])).logits, expected)


@pytest.mark.parametrize("name", ["awd_lstm", "elmo"])
def test_a_classifier_has_the_weights_of_its_language_model_by_name(name: str) -> None:
    with torch.device("meta"):
        language, classifier = build(CHOICES[name].spec(TOKENIZER.vocab_size)), build(spec_of(name))
    names = {n for n, _ in language.named_parameters() if not n.startswith("head.")}
    assert {n for n, _ in classifier.named_parameters() if not n.startswith("label_head.")} == names
    assert labelled(classifier.spec, HEAD) == classifier.spec


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: labelled(CHOICES["lstm"].spec(9), LabelHeadSpec(of="tokens", labels=("a", "b"))), "not to tokens"),
        (lambda: replace(CHOICES["text_cnn"], widths=(3, 3)).spec(9), r"the widths of the filters are \(3, 3\)"),
        (lambda: replace(CHOICES["lstm"], d_model=7).spec(9), "d_model is 7; two directions split it in two"),
        (lambda: replace(spec_of("elmo"), vocab_size=9), "cannot both say words and give labels"),
        (lambda: replace(spec_of("awd_lstm"), head=CHOICES["awd_lstm"].spec(9).head), "cannot both say words and give"),
        (lambda: replace(spec_of("elmo"), d_label=3), "d_label is 3; two directions split it in two"),
        (lambda: model_of("elmo")(torch.tensor([[517]])), "input_ids holds 517; this model has 0 to 516"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()
