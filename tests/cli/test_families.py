"""`headway families`: the table counts the models there are."""

import json

import pytest

import headway
from headway.cli.main import main
from headway.models.families import FAMILIES, SIZES_OF


def test_the_table_counts_the_real_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["families", "--vocab-size", "300", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.split("\n")[:-1]]
    every = {**FAMILIES, **SIZES_OF}
    assert [(row["family"], row["size"]) for row in rows] == [(f, s) for f, sizes in every.items() for s in sizes]
    for row in rows:
        if row["size"] == "tiny" and row["family"] in FAMILIES:
            model = headway.build(FAMILIES[row["family"]]["tiny"].spec(300, 300))
            assert row["parameters"] == sum(weight.numel() for weight in model.parameters())
    big = next(row for row in rows if row["size"] == "big")
    assert (big["d_model"], big["num_layers"], big["vocab_size"]) == (1024, 6, 300)


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["families"]) == 0
    lines = capsys.readouterr().out.split("\n")[:-1]
    assert len({len(line) for line in lines}) == 1, "the columns stand under each other"
    assert all(line[8] == line[19] == " " for line in lines), "a name runs into the next column"
    assert lines[0].split() == ["family", "size", "parameters", "layers", "d_model", "pieces"]
    assert ["bert", "base", "109,482,240", "12", "768", "30,522"] in [line.split() for line in lines]


@pytest.mark.parametrize(("given", "told"), [("0", "vocab_size is 0"), ("-3", "-3"), ("many", "many")])
def test_a_vocabulary_that_is_none(capsys: pytest.CaptureFixture[str], given: str, told: str) -> None:
    assert main(["families", f"--vocab-size={given}"]) == 2
    assert told in capsys.readouterr().err
