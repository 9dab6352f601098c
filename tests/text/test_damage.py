"""Any bytes in any file of a tokenizer's folder: a tokenizer that works, or an error that names the file."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from headway.errors import CheckpointError
from headway.text.known import KOBERT_MODEL
from headway.text.tokenizer import TokenizerPair
from tests.text.test_formats import KOREAN, LINES, WORDS, bert, bpe, folder
from tests.text.test_sentencepiece import marian, train

MUTANTS = 40
SETTINGS = {"unk_token": {"content": "<unk>"}, "extra_ids": 5, "do_lower_case": True, "model_max_length": 9}


def published(name: str, path: Path) -> Path:
    """A whole folder of one kind."""
    files: dict[str, dict[str, Any]] = {
        "bert": {"vocab.txt": bert(*WORDS, *KOREAN), "added_tokens.json": {"<new>": 5 + len(WORDS + KOREAN)}},
        "gpt2": bpe("<|endoftext|>"),
        "t5": {"spiece.model": train("t5")},
        "llama": {"tokenizer.model": train("llama")},
        "xlm": {"sentencepiece.bpe.model": train("unigram")},
        "kobert": {KOBERT_MODEL: train("bpe"), "vocab.txt": bert(*WORDS, "<unk>", *(f"▁{word}" for word in WORDS))},
    }
    if name in ("marian", "separate"):
        return marian(path, separate=name == "separate")[0]
    here = folder(path, {**files.get(name, files["t5"]), "config.json": {"model_type": name, "pad_token_id": 0}})
    if name == "saved":
        TokenizerPair.load(here).save(here)
        (here / "spiece.model").unlink()
    else:
        unknown = {"unk_token": "[UNK]"} if name == "bert" else {}
        folder(here, {"tokenizer_config.json": SETTINGS | unknown | {"pad_token": None}})
    return here


def mutated(content: bytes, draw: random.Random) -> bytes:
    """One or a few changes of the kinds that happen: cut short, bytes changed, lost, doubled, or all of it replaced."""
    at, size = draw.randrange(len(content) or 1), draw.choice([1, 2, 7, 100])
    noise = draw.choice([draw.randbytes(size), b"9" * size, b"\xff" * size, b'"', b"{", b"\n", b"null", b""])
    return draw.choice(
        [
            content[:at],
            content[:at] + noise + content[at + len(noise) :],
            content[:at] + noise + content[at:],
            content[:at] + content[at + size :],
            content[:at] + content[at : at + size] * 2 + content[at + size :],
            draw.choice([b"", b"null", b"[]", b"{}", b"[" * 100_000, b"\xef\xbb\xbf" + content, noise]),
        ]
    )


@pytest.mark.parametrize("name", ["bert", "gpt2", "t5", "llama", "xlm", "kobert", "marian", "separate", "saved"])
def test_damage_is_an_error_or_a_tokenizer(name: str, tmp_path: Path) -> None:
    draw = random.Random(name)
    here = published(name, tmp_path)
    whole = {path: path.read_bytes() for path in sorted(here.iterdir())}
    TokenizerPair.load(here)
    refused = accepted = 0
    for _ in range(MUTANTS):
        path = draw.choice(list(whole))
        path.write_bytes(mutated(whole[path], draw))
        try:
            pair = TokenizerPair.load(here)
        except CheckpointError as error:
            refused += str(here) in str(error)
        else:
            accepted += 1
            for tokenizer in pair:
                ids = tokenizer.encode_batch([*LINES, "", " \t漢"])
                tokenizer.decode_batch(ids)
                tokenizer.wrap(ids[0], ids[1])
                assert tokenizer.encode(LINES[2]).ids == ids[2]
                assert tokenizer.highest_id >= max(ids[0], default=-1)
        path.write_bytes(whole[path])
    assert refused + accepted == MUTANTS  # every message names the folder
    assert refused
    assert accepted


def test_absurd_numbers_are_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    model = train("t5")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"spiece.model": b"\x0a\xff\xff\xff\xff\xff\xff\xff\x7f" + model}, "a field of"),
        ({"spiece.model": model, "tokenizer_config.json": {"extra_ids": 10**12}}, "extra_ids is 1,000,000,000,000"),
        ({"vocab.json": {"a": 2**40}, "merges.txt": ""}, "whole numbers"),
        ({"source.spm": model, "target.spm": model, "vocab.json": {"<unk>": 0, "a": 2**31}}, "gaps"),
        ({"vocab.txt": bert("a"), "added_tokens.json": {"<new>": 2**31}}, "2147483648"),
        ({"tokenizer.json": json.dumps({"model": {"type": "WordPiece", "vocab": {"[UNK]": 2**40}}})}, "damaged"),
    ]
    for number, (files, message) in enumerate(cases):
        with pytest.raises(CheckpointError, match=message):
            TokenizerPair.load(folder(tmp_path / str(number), files))
