"""Every variation of every family: as it is written it gives the same in transformers, or it is refused by name."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from headway.checkpoints import hf
from headway.checkpoints.configuration import family_of_spec
from headway.errors import ConfigError
from headway.models import build
from headway.models.families.bert import MASKED_LM, Bert
from headway.models.families.bloom import Bloom
from headway.models.families.gpt2 import Gpt2
from headway.models.families.llama import Llama
from headway.models.families.qwen2 import Qwen2
from headway.models.families.t5 import T5
from headway.models.families.vaswani import Vaswani
from headway.spec import LabelHeadSpec, RotaryScaling, SingleStackSpec, SpecialTokens, StackSpec, TransformerSpec
from tests.parity.twins import TOLERANCE, difference

TOKENS, VOCABULARY = SpecialTokens(pad_id=1, start_id=0, end_id=2), 31
SIZES: dict[str, Any] = {"num_layers": 1, "d_model": 16, "d_ff": 24, "num_heads": 2, "max_length": 20}
BERT, ROBERTA = Bert(**SIZES), Bert(**SIZES, family="roberta", token_types=1, after_padding=True)
SPECS: dict[str, SingleStackSpec | TransformerSpec] = {
    "bert": BERT.spec(VOCABULARY, TOKENS, language_head=MASKED_LM),
    "roberta": ROBERTA.spec(VOCABULARY, TOKENS, language_head=MASKED_LM),
    "gpt2": Gpt2(**SIZES).spec(VOCABULARY, TOKENS),
    "bloom": Bloom(**SIZES | {"d_ff": 64}).spec(VOCABULARY, TOKENS),
    "llama": Llama(**SIZES).spec(VOCABULARY, TOKENS),
    "qwen2": Qwen2(**SIZES, num_kv_heads=1).spec(VOCABULARY, TOKENS),
    "t5": T5(**SIZES, head_dim=6).spec(VOCABULARY, VOCABULARY, TOKENS),
    "t5 gated": T5(**SIZES, head_dim=6, gated=True, tied_head=False).spec(VOCABULARY, VOCABULARY, TOKENS),
    "t5 alone": T5(**SIZES, head_dim=6).encoder(VOCABULARY, TOKENS),
    "vaswani": Vaswani(**SIZES).spec(VOCABULARY, VOCABULARY, TOKENS),
}
PARTS: dict[str, dict[str, tuple[Any, ...]]] = {  # of a stack, its attention, its positions, a language head
    "stack": {
        "norm_order": ("pre", "post", "pre_normed"),
        "final_norm": (True, False),
        "norm": ("layer", "rms"),
        "norm_eps": (1e-3,),
        "activation": ("relu", "gelu", "gelu_tanh", "silu"),
        "gated": (True, False),
        "ff_bias": (True, False),
        "d_ff": (40,),
        "embedding_norm": (True, False),
        "embedding_scale": (1.0, 4.0, 3.0),
        "token_types": (0, 1, 3),
        "causal": (True, False),
    },
    "position": {
        "kind": ("none", "sinusoidal", "learned", "rotary", "alibi", "relative"),
        "base": (100.0,),
        "buckets": (8,),
        "max_distance": (40,),
        "offset": (0, 2, 5),
        "scaling": (RotaryScaling(factor=8.0, low=1.0, high=4.0, length=16),),
    },
    "attention": {
        "head_dim": (10,),
        "num_kv_heads": (None, 1, 2),
        "scale": (None, 1.0, 0.3),
        "query_bias": (True, False),
        "out_bias": (True, False),
    },
    "head": {
        "tied": (True, False),
        "bias": (True, False),
        "scale": (1.0, 0.25, 0.3),
        "transform": (None, "relu", "gelu", "gelu_tanh"),
    },
}
CHANGEABLE = {  # what can vary in transformers too
    "bert": "stack.activation stack.norm_eps stack.token_types stack.d_ff head.tied",
    "roberta": "stack.activation stack.norm_eps stack.token_types stack.d_ff head.tied",
    "gpt2": "stack.activation stack.norm_eps stack.d_ff attention.scale head.tied",
    "bloom": "stack.norm_eps stack.norm_order head.tied",
    "llama": "stack.activation stack.norm_eps stack.d_ff stack.ff_bias position.base position.scaling "
    "attention.head_dim attention.num_kv_heads head.tied",
    "qwen2": "stack.activation stack.norm_eps stack.d_ff position.base position.scaling attention.head_dim "
    "attention.num_kv_heads head.tied",
    "t5": "stack.activation stack.gated stack.norm_eps stack.d_ff position.buckets position.max_distance "
    "attention.head_dim head.tied head.scale",
    "t5 gated": "stack.activation stack.gated stack.norm_eps stack.d_ff position.buckets position.max_distance "
    "attention.head_dim head.tied",
    "t5 alone": "stack.activation stack.gated stack.norm_eps stack.d_ff position.buckets position.max_distance "
    "attention.head_dim",
    "vaswani": "stack.activation stack.d_ff stack.embedding_scale head.tied head.bias",
}
SAID_OTHERWISE = {
    "bert token_types": ("type_vocab_size is 0",),
    "roberta token_types": ("type_vocab_size is 0",),
    "llama query_bias": (".out_bias False",),  # Llama has both or neither
}
LABELS = {
    "text": LabelHeadSpec(of="text", labels=("a", "b", "c"), reads="last", bias=False),
    "tokens": LabelHeadSpec(of="tokens", labels=("O", "B", "I"), dropout=0.2),
    "span": LabelHeadSpec(of="span", labels=("start", "end")),
}
CLASSES = {"text": "SequenceClassification", "tokens": "TokenClassification", "span": "QuestionAnswering"}
DECODERS = {"gpt2": "GPT2", "bloom": "Bloom", "llama": "Llama", "qwen2": "Qwen2"}


def variations(spec: Any, part: str, field: str) -> Iterator[Any]:
    """`spec` with every other value of a field; of two stacks, in both."""
    for value in PARTS[part][field]:
        with_value = changed(spec, part, **{field: value})
        if with_value is not None and with_value != spec:
            yield with_value


def changed(spec: Any, part: str, **change: Any) -> Any:
    """`spec` with other values in a part; None where no model can have them."""
    try:
        if part == "head":
            return _with_head(spec, **change)
        if spec.family == "bert" and "activation" in change:  # which its head has too
            spec = _with_head(spec, transform=change["activation"])
        names = ("encoder", "decoder") if isinstance(spec, TransformerSpec) else ("stack",)
        return dataclasses.replace(spec, **{name: _stack(getattr(spec, name), part, change) for name in names})
    except ConfigError:
        return None


def _with_head(spec: Any, **change: Any) -> Any:
    name = "head" if isinstance(spec, TransformerSpec) else "language_head"
    more: dict[str, Any] = {}
    if change.get("tied") is False:  # which is then not scaled, and in a Marian reads another table
        change["scale"] = 1.0
        more = {"shared_embedding": False} if spec.family == "vaswani" else {}
    head = getattr(spec, name)
    return head and dataclasses.replace(spec, **{name: dataclasses.replace(head, **change)}, **more)


def _stack(stack: StackSpec, part: str, change: dict[str, Any]) -> StackSpec:
    if "causal" in change and stack.cross_attention:
        return stack
    inner = change if part == "stack" else {part: dataclasses.replace(getattr(stack, part), **change)}
    return dataclasses.replace(stack, **inner)


def written(spec: Any, folder: Path) -> str | None:
    """None where transformers gives what our model of `spec` gives; else what is said."""
    model = redrawn(build(spec), 0.1 if spec.family == "t5" else 0.2)
    try:
        hf.save(model, folder)
    except ConfigError as error:
        assert not folder.exists()
        return str(error)
    (name,) = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"]
    twin, report = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    compare(model, hf.load(folder), twin.eval())
    return None


@torch.no_grad()
def redrawn(model: Any, std: float) -> Any:
    """Weights that all matter: norm gains 1 ± 0.1, the rest N(0, std)."""
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        weight.uniform_(0.9, 1.1) if name.endswith("norm.weight") else weight.normal_(std=std)
    return model.eval()


@torch.no_grad()
def compare(ours: Any, again: Any, twin: nn.Module) -> None:
    """Three models give the same at the real tokens."""
    given = inputs(ours.spec)
    mask, output = given["attention_mask"].bool(), twin(**given)
    names = [name for name in OUTPUTS if getattr(output, name, None) is not None]
    assert names
    for name in names:
        theirs = getattr(output, name)
        keep = mask if theirs.shape[:2] == mask.shape else None
        for model in (ours, again):
            assert difference(getattr(model(**given), name), theirs, keep) < TOLERANCE, name


OUTPUTS = ("logits", "start_logits", "end_logits", "last_hidden_state")


def inputs(spec: Any) -> dict[str, Tensor]:
    """Two rows, the second padded."""
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, VOCABULARY, (2, 9), generator=draw)
    mask = (torch.arange(9) < torch.tensor([[9], [6]])).long()
    given = {"input_ids": ids.where(mask.bool(), TOKENS.pad_id), "attention_mask": mask}
    if isinstance(spec, TransformerSpec):
        return given | {"decoder_input_ids": torch.randint(5, VOCABULARY, (2, 9), generator=draw)}
    types = spec.stack.token_types
    return given | ({"token_type_ids": torch.randint(types, (2, 9), generator=draw)} if types else {})


@pytest.mark.parametrize(("part", "field"), [(part, field) for part, fields in PARTS.items() for field in fields])
@pytest.mark.parametrize("family", SPECS)
def test_a_variation_is_written_or_refused_by_name(family: str, part: str, field: str, tmp_path: Path) -> None:
    found = list(variations(SPECS[family], part, field))
    said = [written(spec, tmp_path / str(i)) for i, spec in enumerate(found)]
    for text in filter(None, said):
        said_so = (
            r"the model cannot be written as \w+(,|: config.json:) .*; keep it in the format headway(, or train .*)?"
        )
        assert re.fullmatch(said_so, text)
        assert ("norm_order 'pre'" in text) == text.endswith(", or train it with --model.norm_order post")
        assert any(part in text for part in (f".{field} ", *SAID_OTHERWISE.get(f"{family} {field}", ())))
    if found:
        assert (None in said) == (f"{part}.{field}" in CHANGEABLE[family].split()), said


@pytest.mark.parametrize("family", SPECS)
def test_all_that_can_vary_varies_at_once(family: str, tmp_path: Path) -> None:
    spec: Any = SPECS[family]
    for name in CHANGEABLE[family].split():
        *_, spec = [spec, *(other for other in variations(spec, *name.split(".")) if can_be_written(other))]
    assert spec != SPECS[family]
    assert written(spec, tmp_path / "folder") is None


def can_be_written(spec: Any) -> bool:
    try:
        return bool(family_of_spec(spec).config(spec))
    except ConfigError:
        return False


@pytest.mark.parametrize("of", LABELS)
@pytest.mark.parametrize("family", DECODERS)
def test_a_decoder_with_labels_is_that_of_transformers(family: str, of: str, tmp_path: Path) -> None:
    head = LABELS[of]
    spec = dataclasses.replace(SPECS[family], language_head=None, label_head=head)
    assert written(spec, tmp_path / "ours") is None
    twin = getattr(transformers, f"{DECODERS[family]}For{CLASSES[of]}").from_pretrained(tmp_path / "ours")
    redrawn(twin, 0.2).save_pretrained(tmp_path / "theirs")
    ours = hf.load(tmp_path / "theirs")
    assert ours.spec == spec
    compare(ours, ours, twin)
    others: dict[str, dict[str, Any]] = {
        "text": {"reads": "mean", "bias": True, "hidden": True, "dropout": 0.1},
        "tokens": {"bias": False, "hidden": True},
        "span": {"bias": False, "dropout": 0.1},
    }
    for name, value in others[of].items():
        other = dataclasses.replace(spec, label_head=dataclasses.replace(head, **{name: value}))
        said = written(other, tmp_path / name)
        assert f"has no label_head.{name} {value!r}" in (said or "")


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_a_head_for_answers_stands_on_a_stack_with_another(family: str, tmp_path: Path) -> None:
    """transformers calls the stack otherwise under this head alone."""
    model: Any = build(SPECS[family])
    hf.save(model, tmp_path)
    found: Any = hf.load(tmp_path, head=LABELS["span"])
    assert torch.equal(found.stack.tokens.weight, model.stack.tokens.weight)
