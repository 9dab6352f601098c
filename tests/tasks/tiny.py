"""A tiny WordPiece tokenizer as BERT has it, and tiny models beside those of transformers with the same weights."""

from __future__ import annotations

import functools
import json
from typing import Any

import torch
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig

from headway.models.families import bert
from headway.models.single import SingleStack
from headway.text.tokenizer import Tokenizer
from tests.parity.harness import Row, ours_of, twin_of

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the cat sat on mat river bank 서울 은 한국 의 수도 다 . , ?".split()
LETTERS = [*"abcdefghijklmnopqrstuvwxyz가나다라마바사아자차카타파하서울은의"]
PIECES = list(dict.fromkeys([*SPECIAL, *WORDS, *LETTERS, *[f"##{letter}" for letter in LETTERS], "##이다", "##는"]))
LENGTH = 40  # the most tokens the models read


@functools.cache
def tokenizer() -> Tokenizer:
    """`[CLS] a [SEP] b [SEP]`; upper case is unknown."""
    rust = RustTokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    rust.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.BertNormalizer(lowercase=False, strip_accents=False)]
    )
    rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rust.decoder = decoders.WordPiece()
    rust.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    rust.add_special_tokens(SPECIAL)
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return Tokenizer(rust.to_str().encode(), dict(zip(names, SPECIAL, strict=True)))


def bert_config(**given: Any) -> BertConfig:
    """A tiny BERT over the tokenizer's pieces and two rows more."""
    return BertConfig(
        vocab_size=len(PIECES) + 2, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=LENGTH, **given,
    )  # fmt: skip


def beside(twin: type, **given: Any) -> tuple[SingleStack, Any]:
    """Ours and a model of transformers with the same weights."""
    row = Row(name=twin.__name__, twin=twin, config=bert_config(**given), family=bert)
    return ours_of(row), twin_of(row, row.std)


def given(*texts: str, pairs: tuple[str, ...] = ()) -> dict[str, torch.Tensor]:
    """What transformers reads of texts, or of texts and their pairs: padded on the right."""
    rust = RustTokenizer.from_str(json.dumps(tokenizer().definition))
    rust.enable_padding()
    encodings = rust.encode_batch(list(zip(texts, pairs, strict=True)) if pairs else list(texts))
    parts = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    return {name: torch.tensor([getattr(e, part) for e in encodings]) for name, part in parts.items()}
