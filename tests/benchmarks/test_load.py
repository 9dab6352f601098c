"""The benchmark of loading: both libraries read the same weights, and the folder of holes is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import load

SMALL = {
    "gpt2": {"vocab_size": 50, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 16},
    "bert-base": {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
    "t5-base": {"vocab_size": 50, "d_model": 32, "d_ff": 48, "num_layers": 2, "num_heads": 2},
    "bloom-560m": {"vocab_size": 50, "hidden_size": 32, "n_layer": 2, "n_head": 2},
}


@pytest.mark.filterwarnings("ignore")  # of the peer
@pytest.mark.parametrize("name", load.MODELS)
def test_both_libraries_read_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, sizes = load.MODELS[name]
    monkeypatch.setitem(load.MODELS, name, (kind, sizes | SMALL[name]))
    load.prepare(name, tmp_path)
    found = [load.read(load.loader(library, name)(tmp_path)) for library in load.LIBRARIES]
    assert load._are_same(*found)
    assert found[0]["norm"] > 1
    assert not load._are_same(found[0], found[0] | {"norm": found[0]["norm"] * 1.001})
    assert not load._are_same(found[0], found[0] | {"parameters": 1})


def test_the_folder_of_holes_is_one_of_gpt2_xl(tmp_path: Path) -> None:
    from headway.tasks.info import describe

    size = load.prepare_hole(tmp_path)
    file = (tmp_path / "model.safetensors").stat()
    assert file.st_size == size > 6e9
    assert file.st_blocks * 512 < 2**20, "no room is taken"
    assert describe(tmp_path)["parameters"] == 1_557_611_200
