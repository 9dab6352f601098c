"""Folders as others publish them: tiny models of every family, weights drawn wide, with a tokenizer of their kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from headway.text.tokenizer import Tokenizer
from tests.tasks import tiny

CORPUS = ["나는 어제 은행에서 친구를 만났다.", "The cat sat on the river bank.", "the old bank of the river"]
_SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
_T5 = {"d_model": 32, "d_kv": 6, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4}
_BIASED = _T5 | {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 9, "decoder_start_token_id": 0}
_BERT = _SMALL | {"max_position_embeddings": tiny.LENGTH}
_LLAMA = _SMALL | {"num_key_value_heads": 2, "max_position_embeddings": 99}
_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 60}

FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {  # the class of transformers, its tokenizer, its sizes
    "bert": ("BertForMaskedLM", "wordpiece", _BERT),
    "roberta": ("RobertaModel", "roberta", _BERT),
    "t5 encoder": ("T5EncoderModel", "unigram", _BIASED),
    "t5": ("T5ForConditionalGeneration", "unigram", _BIASED),
    "gpt2": ("GPT2LMHeadModel", "gpt2", _GPT2),
    "gpt2 labels": ("GPT2ForTokenClassification", "gpt2", _GPT2),
    "bloom": ("BloomForCausalLM", "gpt2", {"hidden_size": 36, "n_layer": 2, "n_head": 6}),
    "llama": ("LlamaForCausalLM", "llama", _LLAMA),
}


def publish(family: str, folder: Path) -> Any:
    """Writes the folder, and returns the model of transformers whose weights it holds."""
    name, kind, sizes = FAMILIES[family]
    tokenizer = tiny.tokenizer() if kind == "wordpiece" else _TOKENIZERS[kind]()
    ends = {"eos_token_id": tokenizer.end_id, "bos_token_id": None, "pad_token_id": tokenizer.pad_id}
    torch.manual_seed(3)
    twin = getattr(transformers, name)
    config = twin.config_class(**sizes, vocab_size=tokenizer.vocab_size + 5, **ends, attn_implementation="eager")
    model = twin(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.uniform_(0.9, 1.1) if weight.dim() == 1 and name.endswith("weight") else weight.normal_(std=0.4)
    model.save_pretrained(folder)
    tokenizer.save(folder)
    return model


def _byte_level(special: list[str]) -> RustTokenizer:
    rust = RustTokenizer(models.BPE())
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    rust.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    return rust


def _gpt2() -> Tokenizer:
    rust = _byte_level(["<|endoftext|>"])
    return Tokenizer(rust.to_str().encode(), {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"})


def _roberta() -> Tokenizer:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    rust = _byte_level(special)
    rust.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    return Tokenizer(rust.to_str().encode(), dict(zip(names, special, strict=True)))


def _llama() -> Tokenizer:
    rust = _byte_level(["<s>", "</s>"])
    rust.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return Tokenizer(rust.to_str().encode(), {"bos_token": "<s>", "eos_token": "</s>"})


def _unigram() -> Tokenizer:
    special = ["<pad>", "</s>", "<unk>"]
    words = {f"▁{word}" for text in CORPUS for word in text.split()}
    pieces = [*((piece, 0.0) for piece in special), *((piece, -4.0) for piece in sorted({*"".join(words)} | words))]
    rust = RustTokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    rust.pre_tokenizer, rust.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    rust.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    rust.add_special_tokens(special)
    names = ("pad_token", "eos_token", "unk_token")
    return Tokenizer(rust.to_str().encode(), dict(zip(names, special, strict=True)))


_TOKENIZERS = {"gpt2": _gpt2, "roberta": _roberta, "llama": _llama, "unigram": _unigram}
