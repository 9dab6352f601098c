"""Vectors: those of transformers for every layer and pooling, whatever shares the batch."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertModel

from headway.errors import ConfigError, DataError
from headway.models.build import build
from headway.models.families.recurrent import Recurrent
from headway.models.families.vaswani import Vaswani
from headway.spec import SpecialTokens
from headway.tasks.embed import Layers, embed
from headway.text.trainer import train
from tests.tasks.tiny import LENGTH, beside, given, tokenizer

TEXTS = ["the cat sat on the mat .", "river", "서울은 한국의 수도이다.", "the river bank , the bank ?", "bank"]


def vectors(model: object, texts: list[str], **options: object) -> np.ndarray:
    return np.stack([found.vector for found in embed(model, tokenizer(), texts, **options)])  # type: ignore[arg-type]


@pytest.mark.parametrize("layer", ["-1", "0", "2", "sum:-4..-1", "concat:1..2"])
@pytest.mark.parametrize("pool", ["mean", "cls", "max", "none"])
def test_vectors_are_those_of_transformers(layer: str, pool: str) -> None:
    ours, twin = beside(BertModel)
    inputs = given(*TEXTS)
    with torch.no_grad():
        states = twin(**inputs, output_hidden_states=True).hidden_states
    wanted = {
        "-1": states[3], "0": states[0], "2": states[2], "sum:-4..-1": sum(states),
        "concat:1..2": torch.cat([states[1], states[2]], -1),
    }[layer]  # fmt: skip
    found = list(embed(ours, tokenizer(), TEXTS, layer, pool, batch_tokens=24))  # type: ignore[arg-type]
    for embedding, row, mask in zip(found, wanted, inputs["attention_mask"], strict=True):
        row = row[mask.bool()]
        pooled = {"mean": row.mean(0), "cls": row[0], "max": row.amax(0), "none": row}[pool]
        assert embedding.vector.shape == pooled.shape
        assert np.abs(embedding.vector - pooled.numpy()).max() < 2e-6 * wanted.abs().max()
        assert (embedding.tokens[0], embedding.tokens[-1], len(embedding.tokens)) == ("[CLS]", "[SEP]", len(row))


def test_a_vector_does_not_depend_on_its_batch() -> None:
    model = beside(BertModel)[0]
    alone = np.concatenate([vectors(model, [text], layer="sum:-2..-1") for text in TEXTS])
    for batch_tokens, chunk in ((1, 1000), (20, 2), (4000, 3)):
        together = vectors(model, TEXTS, layer="sum:-2..-1", batch_tokens=batch_tokens, chunk=chunk)
        assert np.abs(together - alone).max() < 1e-5 * np.abs(alone).max()
    assert np.abs(alone[1] - alone[4]).max() > 0.01
    lengths = np.linalg.norm(vectors(model, TEXTS, normalize=True), axis=1)
    assert lengths == pytest.approx(np.ones(5), abs=1e-6)


def test_empty_and_overlong_texts() -> None:
    model = beside(BertModel)[0]
    long = "cat " * 50
    empty, cut, whole = embed(model, tokenizer(), [" ", long, "cat " * (LENGTH - 2)])
    assert empty.vector.shape == (32,)
    assert not empty.vector.any()
    assert (cut.cut, whole.cut) == (50 - LENGTH + 2, 0)
    assert np.array_equal(cut.vector, whole.vector)
    (nothing,) = embed(model, tokenizer(), [""], "concat:0..1", "none")
    assert nothing.vector.shape == (0, 64)
    with pytest.raises(DataError, match=r"line 2 has 50 tokens, but the model reads at most 38; .*--too-long cut"):
        list(embed(model, tokenizer(), ["cat", long], too_long="refuse"))


@pytest.mark.parametrize("attention", ["transformer", "recurrent"])
def test_a_translator_gives_the_states_of_its_encoder(attention: str) -> None:
    words = train(["a b c d e f g h"] * 3, type="word", vocab_size=12)
    special = SpecialTokens(pad_id=words.pad_id, start_id=words.start_id, end_id=words.end_id)
    sizes = {"num_layers": 2, "d_model": 16, "max_length": 12}
    torch.manual_seed(3)
    choices = Recurrent(**sizes) if attention == "recurrent" else Vaswani(**sizes, d_ff=16, num_heads=2)  # type: ignore[arg-type]
    model = build(choices.spec(12, 12, special)).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.4)
    ids = torch.tensor([[*words.encode("a b c").ids, words.end_id]])
    with torch.no_grad():
        wanted = model.encode(ids).states[0].mean(0).numpy()
    found = list(embed(model, words, ["a b c d e f", "a b c"]))
    assert np.abs(found[1].vector - wanted).max() < 1e-5
    assert found[1].tokens == ["a", "b", "c", "</s>"]
    if attention == "recurrent":
        with pytest.raises(ConfigError, match="of a recurrent model only the last layer"):
            embed(model, words, ["a"], "0")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("first", "layer is 'first'; expected -1, last, 0"),
        ("-4..-1", "expected -1, last"),
        ("mean:1..2", "expected -1, last"),
        ("4", "layer 4 was asked for, but there are 0 .* to 3, or from the end -1 to -4"),
        ("sum:-1..-2", "wrong order"),
    ],
)
def test_a_wrong_layer(layer: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        embed(beside(BertModel)[0], tokenizer(), ["a"], layer)
    assert Layers.parse("last") == Layers.parse("-1")


def test_only_a_chunk_is_read_ahead() -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "cat"

    results = embed(beside(BertModel)[0], tokenizer(), endless(), chunk=4)
    for number in range(1, 10):
        assert next(results).vector.any()
        assert read == -(-number // 4) * 4


def test_a_tokenizer_of_another_model_is_refused() -> None:
    model = beside(BertModel)[0]
    words = train([" ".join(map(str, range(200)))], type="word", vocab_size=204)
    with pytest.raises(DataError, match=r"the tokenizer gives the id .*, but the model knows 0 to "):
        list(embed(model, words, ["0 199 100 7 8 9"]))
