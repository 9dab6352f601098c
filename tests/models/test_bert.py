"""BERT and RoBERTa as data: every size with every head comes back from its configuration; what cannot be is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from headway.errors import CheckpointError, ConfigError
from headway.models import build
from headway.models.families import bert, roberta
from headway.models.families.bert import MASKED_LM, NEXT_SENTENCE, Bert
from headway.spec import HeadSpec, LabelHeadSpec, SpecialTokens
from tests.parity.rows_bert import CONFIGS
from tests.parity.rows_roberta import CONFIGS as ROBERTAS

EMOTIONS = LabelHeadSpec(of="text", labels=("기쁨", "슬픔", "화남"), problem="multi", dropout=0.3)
HEADS: dict[str, tuple[HeadSpec | None, LabelHeadSpec | None]] = {
    "BertModel": (None, None),
    "BertForMaskedLM": (MASKED_LM, None),
    "BertForPreTraining": (MASKED_LM, NEXT_SENTENCE),
    "BertForNextSentencePrediction": (None, NEXT_SENTENCE),
    "BertForSequenceClassification": (None, EMOTIONS),
    "BertForTokenClassification": (None, LabelHeadSpec(of="tokens", labels=("O", "B", "I"))),
    "BertForQuestionAnswering": (None, LabelHeadSpec(of="span", labels=("start", "end"))),
    "BertForMultipleChoice": (None, LabelHeadSpec(of="choices", labels=("score",), dropout=0.1)),
}


@pytest.mark.parametrize("architecture", HEADS)
def test_every_size_with_every_head_comes_back(architecture: str) -> None:
    words, labels = HEADS[architecture]
    assert HEADS.keys() == set(bert.ARCHITECTURES)
    for choices in bert.SIZES.values():
        spec = choices.spec(300, language_head=words, label_head=labels)
        written = bert.config(spec)
        assert written["architectures"] == [architecture]
        assert bert.spec(written) == spec
        with torch.device("meta"):
            ours = {name for name, _ in build(spec).named_parameters()}
        assert ours == {name for row in bert.keys(spec) for name in row.names}


def test_the_labels_have_their_names() -> None:
    spec = bert.SIZES["tiny"].spec(300, label_head=EMOTIONS)
    written = bert.config(spec)
    assert written["id2label"] == {"0": "기쁨", "1": "슬픔", "2": "화남"}
    assert (written["problem_type"], written["classifier_dropout"]) == ("multi_label_classification", 0.3)
    assert "id2label" not in bert.config(bert.SIZES["tiny"].spec(300, label_head=NEXT_SENTENCE))
    one = bert.spec(CONFIGS["klue/bert-base"] | {"id2label": {"0": "LABEL_0"}}, "BertForSequenceClassification")
    assert one.label_head is not None
    assert one.label_head.problem == "regression", "a single number is no choice between labels"


def test_kcbert_reads_300_tokens() -> None:
    stack = bert.spec(CONFIGS["beomi/kcbert-base"]).stack
    assert (stack.max_length, stack.vocab_size, stack.norm_eps) == (300, 30000, 1e-12)


def test_roberta_reads_512_tokens_from_a_table_of_514() -> None:
    spec = roberta.spec(ROBERTAS["klue/roberta-base"])
    assert (spec.stack.max_length, spec.stack.position.offset, spec.stack.token_types) == (512, 2, 1)
    fresh = roberta.SIZES["base"].spec(32000, SpecialTokens(pad_id=1, start_id=0, end_id=2), language_head=MASKED_LM)
    assert fresh == spec
    other = roberta.SIZES["base"].spec(32000, SpecialTokens(pad_id=7))
    assert roberta.config(other)["max_position_embeddings"] == 520
    assert roberta.spec(roberta.config(other)) == other


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"is_decoder": True}, "is_decoder is True"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"hidden_size": 100}, "d_model 100 is not divisible by num_heads 12"),
        ({"num_hidden_layers": None}, "no key 'num_hidden_layers'"),
        ({"vocab_size": "many"}, "vocab_size is 'many'"),
        ({"hidden_act": "mish"}, "hidden_act is 'mish'"),
        ({"architectures": ["BertLMHeadModel"]}, "BertLMHeadModel.*BertForMaskedLM"),
        ({"problem_type": "ranking", "architectures": ["BertForSequenceClassification"]}, "problem_type is 'ranking'"),
        ({"num_hidden_layers": 0}, "num_layers is 0"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        bert.spec(CONFIGS["bert-base-uncased"] | change)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (Bert(position="rotary"), "no stack.position.kind 'rotary'"),
        (Bert(norm_order="pre"), r"no stack.norm_order 'pre', stack.final_norm True"),
    ],
)
def test_what_bert_has_not_cannot_be_written_as_bert(choices: Bert, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        bert.config(choices.spec(300))
    small = dataclasses.replace(choices, num_layers=1, d_model=24, num_heads=2, d_ff=32)
    assert build(small.spec(9))(torch.zeros(2, 3, dtype=torch.long)).last_hidden_state.shape == (2, 3, 24)


def test_heads_that_do_not_share_the_width_are_refused() -> None:
    with pytest.raises(ConfigError, match="d_model 100 is not divisible by num_heads 8"):
        Bert(d_model=100, num_heads=8).spec(9)
