"""Small folders in the form of published checkpoints: configuration, tokenizer files and weights, but for size."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import sentencepiece as spm
import torch
from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

from headway.text.known import KNOWN
from headway.text.trainer import train
from tests.parity import rows_gpt2, rows_t5

FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def kogpt2(folder: Path, lines: list[str]) -> str:
    """`skt/kogpt2-base-v2`: a tokenizer.json that names none of its special pieces, a config.json with other ids."""
    known = next(entry for entry in KNOWN if "skt/kogpt2-base-v2" in entry.repositories)
    content = train(lines, type="bpe", vocab_size=300, exact=False).definition
    pieces = [*known.opening, *(piece for piece in content["model"]["vocab"] if piece not in known.opening)]
    ids = content["model"]["vocab"] = {piece: index for index, piece in enumerate(pieces)}
    content["added_tokens"] = [{"id": ids[piece], "content": piece, **FLAGS} for piece in known.opening]
    small = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64, "n_ctx": 64, "vocab_size": len(pieces)}
    config = rows_gpt2.CONFIGS["skt/kogpt2-base-v2"] | small
    _save(GPT2LMHeadModel(GPT2Config(**config)), folder, config)
    (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return str(folder)


def ke_t5(folder: Path, lines: list[str]) -> str:
    """`KETI-AIR/ke-t5-small`: a spiece.model without the hundred sentinels, and more rows in the embedding than ids."""
    model = io.BytesIO()
    roles = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=260, hard_vocab_limit=False, num_threads=1,
        character_coverage=1.0, minloglevel=2, **roles,
    )  # fmt: skip
    pieces = len(spm.SentencePieceProcessor(model_proto=model.getvalue()))
    small = {"d_model": 32, "d_ff": 48, "d_kv": 16, "num_heads": 2, "num_layers": 1, "num_decoder_layers": 1}
    config = rows_t5.CONFIGS["KETI-AIR/ke-t5-base"] | small | {"vocab_size": -(-(pieces + 100) // 128) * 128}
    _save(T5ForConditionalGeneration(T5Config(**config)), folder, config)
    (folder / "spiece.model").write_bytes(model.getvalue())
    return str(folder)


def _save(model: torch.nn.Module, folder: Path, config: dict[str, Any]) -> None:
    """Weights as they are published, and the very keys that the published configuration has."""
    folder.mkdir()
    state = {name: weight.clone() for name, weight in model.state_dict().items()}
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
