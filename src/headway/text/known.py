"""Korean checkpoints whose folders do not say all that is needed: what their files look like, and what is filled in.

Each is recognised by what can be seen in its folder, so a copy or a fine-tuned descendant is served too. What a folder
says itself always wins.

| repository                      | files read                                | what is special                    |
|---------------------------------|-------------------------------------------|------------------------------------|
| beomi/kcbert-base, -large       | vocab.txt (30,000)                        | cased; 300 positions               |
| skt/kogpt2-base-v2              | tokenizer.json (51,200), of characters    | names none of its special pieces   |
| KETI-AIR/ke-t5-base             | spiece.model (64,000), unigram            | as T5: 100 `<extra_id_…>` at the end |
| klue/bert-base                  | vocab.txt (32,000)                        | cased; says all itself             |
| klue/roberta-base, -small, -large | vocab.txt (32,000), as BERT's           | one token type, as RoBERTa has     |
| monologg/kobert, distilkobert   | tokenizer_78b3253a26.model, vocab.txt (8,002) | ids from vocab.txt             |
| skt/kobert-base-v1              | spiece.model (8,002)                      | as kobert, ids from the model      |

Sources: the configurations and the vocabulary in github.com/Beomi/KcBERT; the README of SKT-AI/KoGPT2 and its issue 51;
vocab/sentencepiece.model in AIRC-KETI/ke-t5; kobert_transformers/tokenization_kobert.py in monologg/KoBERT-Transformers
and kobert_hf in SKTBrain/KoBERT; Park et al. 2021 (KLUE), section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KOBERT_MODEL = "tokenizer_78b3253a26.model"
KOBERT_NAMES = {
    "unk_token": "[UNK]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


@dataclass(frozen=True)
class Known:
    """A checkpoint, how its folder is recognised, and the settings it leaves out.

    Args:
        repositories: where it is found.
        config: keys and values of its `config.json`.
        opening: the pieces with the ids 0, 1, 2, ….
        settings: what belongs into its `tokenizer_config.json`.
    """

    repositories: tuple[str, ...]
    config: Mapping[str, Any]
    opening: tuple[str, ...]
    settings: Mapping[str, Any]


KNOWN = (
    Known(
        ("beomi/kcbert-base", "beomi/kcbert-large"),
        {"model_type": "bert", "max_position_embeddings": 300},
        ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        {"do_lower_case": False, "model_max_length": 300},
    ),
    Known(
        ("skt/kogpt2-base-v2",),
        {"model_type": "gpt2"},
        ("<s>", "</s>", "<usr>", "<pad>", "<sys>", "<unk>", "<mask>"),
        {
            "bos_token": "</s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
        },
    ),
)


def left_out(config: Mapping[str, Any], pieces: Sequence[str | None]) -> dict[str, Any]:
    """The settings that a known checkpoint leaves out; none for others.

    Args:
        config: the content of the folder's `config.json`.
        pieces: the first pieces of its vocabulary, in the order of their ids.
    """
    for known in KNOWN:
        seen = all(config.get(key) == value for key, value in known.config.items())
        if seen and tuple(pieces[: len(known.opening)]) == known.opening:
            return dict(known.settings)
    return {}
