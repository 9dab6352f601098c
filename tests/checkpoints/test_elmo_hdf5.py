"""ELMo's published layout: a small file written in it, and its states in plain NumPy, from the layout alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import headway
from headway.checkpoints import elmo_hdf5
from headway.errors import CheckpointError, ConfigError
from headway.models.elmo import Elmo
from tests.text.texts import spell_text

OPTIONS: dict[str, Any] = {
    "lstm": {
        "cell_clip": 0.3, "dim": 9, "n_layers": 2, "proj_clip": 0.2, "projection_dim": 5, "use_skip_connections": True,
    },
    "char_cnn": {
        "activation": "relu", "embedding": {"dim": 4}, "filters": [[1, 3], [2, 4], [3, 5]],
        "max_characters_per_token": 8, "n_characters": 262, "n_highway": 2,
    },
}  # fmt: skip
Arrays = dict[str, NDArray[np.float32]]


def arrays_of(options: dict[str, Any]) -> Arrays:
    """What TensorFlow would have kept of a model of these sizes."""
    draw, cells, characters = np.random.default_rng(0), options["lstm"], options["char_cnn"]
    width, cell, state = characters["embedding"]["dim"], cells["dim"], cells["projection_dim"]
    total = sum(number for _, number in characters["filters"])
    shapes: dict[str, tuple[int, ...]] = {"char_embed": (261, width)}
    for i, (span, number) in enumerate(characters["filters"]):
        shapes |= {f"CNN/W_cnn_{i}": (1, span, width, number), f"CNN/b_cnn_{i}": (number,)}
    for i in range(characters["n_highway"]):
        for part in ("carry", "transform"):
            shapes |= {f"CNN_high_{i}/W_{part}": (total, total), f"CNN_high_{i}/b_{part}": (total,)}
    if total != state:
        shapes |= {"CNN_proj/W_proj": (total, state), "CNN_proj/b_proj": (state,)}
    for direction in range(2):
        for layer in range(cells["n_layers"]):
            root = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            shapes |= {f"{root}/W_0": (2 * state, 4 * cell), f"{root}/B": (4 * cell,)}
            if cell > state:
                shapes[f"{root}/W_P_0"] = (cell, state)
    return {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write(folder: Path, options: dict[str, Any], arrays: Arrays) -> tuple[Path, Path]:
    weights, sizes = folder / "weights.hdf5", folder / "options.json"
    with h5py.File(weights, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    sizes.write_text(json.dumps(options), encoding="utf-8")
    return weights, sizes


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return 1 / (1 + np.exp(-x))


def states_of(options: dict[str, Any], arrays: Arrays, text: NDArray[Any]) -> list[NDArray[Any]]:
    """Of one text `(words, characters)`: by layer `(words, 2 · state)`, as bilm-tf computes them, in float64."""
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    cells, characters = options["lstm"], options["char_cnn"]
    squash = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}[characters["activation"]]
    words = []
    for word in text:
        table, maxima = a["char_embed"][word], []
        for i, (span, _) in enumerate(characters["filters"]):
            windows = [table[start : start + span] for start in range(len(word) - span + 1)]
            sums = [np.einsum("wd,wdn->n", window, a[f"CNN/W_cnn_{i}"][0]) for window in windows]
            maxima.append(squash(np.max(sums, axis=0) + a[f"CNN/b_cnn_{i}"]))
        x = np.concatenate(maxima)
        for i in range(characters["n_highway"]):
            carry = sigmoid(x @ a[f"CNN_high_{i}/W_carry"] + a[f"CNN_high_{i}/b_carry"])
            x = (
                carry * np.maximum(x @ a[f"CNN_high_{i}/W_transform"] + a[f"CNN_high_{i}/b_transform"], 0)
                + (1 - carry) * x
            )
        words.append(x @ a["CNN_proj/W_proj"] + a["CNN_proj/b_proj"] if "CNN_proj/W_proj" in a else x)
    layers = [[np.stack(words)] * 2]
    for layer in range(cells["n_layers"]):
        both = []
        for direction in range(2):
            root = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            given = layers[-1][direction][:: -1 if direction else 1]
            c, m, out = np.zeros(cells["dim"]), np.zeros(cells["projection_dim"]), []
            for x in given:
                i, j, f, o = np.split(np.concatenate([x, m]) @ a[f"{root}/W_0"] + a[f"{root}/B"], 4)
                c = sigmoid(f + 1.0) * c + sigmoid(i) * np.tanh(j)
                if cells["cell_clip"]:
                    c = np.clip(c, -cells["cell_clip"], cells["cell_clip"])
                m = sigmoid(o) * np.tanh(c)
                if cells["dim"] > cells["projection_dim"]:
                    m = m @ a[f"{root}/W_P_0"]
                    m = np.clip(m, -cells["proj_clip"], cells["proj_clip"]) if cells["proj_clip"] else m
                out.append(m + x if layer and cells["use_skip_connections"] else m)
            both.append(np.stack(out)[:: -1 if direction else 1])
        layers.append(both)
    return [np.concatenate(both, 1) for both in layers]


def changed(**changes: Any) -> dict[str, Any]:
    options = json.loads(json.dumps(OPTIONS))
    for name, value in changes.items():
        options["lstm" if name in OPTIONS["lstm"] else "char_cnn"][name] = value
    return options


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        changed(cell_clip=None, proj_clip=None),
        changed(use_skip_connections=False, activation="tanh", n_highway=1),
        changed(dim=5, n_layers=3),
        changed(projection_dim=9, dim=12, filters=[[2, 9]]),
    ],
    ids=["published", "without bounds", "without skips", "without projected states", "without projected words"],
)
def test_states_are_those_of_the_layout(tmp_path: Path, options: dict[str, Any]) -> None:
    arrays = arrays_of(options)
    model = elmo_hdf5.load(*write(tmp_path, options, arrays))
    assert not model.training
    text = spell_text(["The", "cat", "한국", "longer-than-that", "cat"], 8)
    with torch.no_grad():
        found = model.double().layer_states(torch.from_numpy(text).long()[None])
    expected = states_of(options, arrays, text)
    assert len(found) == len(expected) == options["lstm"]["n_layers"] + 1
    for directions, states in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.cat(directions, -1)[0], torch.from_numpy(states), rtol=1e-9, atol=1e-11)


def test_the_comparison_would_see_a_bound_that_is_not_kept(tmp_path: Path) -> None:
    text = spell_text(["a", "b", "c"], 8)
    arrays = arrays_of(OPTIONS)
    bound, free = (states_of(o, arrays, text)[-1] for o in (OPTIONS, changed(cell_clip=None, proj_clip=None)))
    assert np.abs(bound - free).max() > 0.1


def test_a_folder_is_loaded_as_any_other(tmp_path: Path) -> None:
    weights, options = write(tmp_path, OPTIONS, arrays_of(OPTIONS))
    weights.rename(tmp_path / "elmo_2x9_5_weights.hdf5")
    options.rename(tmp_path / "elmo_2x9_5_options.json")
    loaded = headway.load(tmp_path)
    assert isinstance(loaded.model, Elmo)
    assert loaded.tokenizer is None
    assert not any(weight.requires_grad for weight in loaded.model.parameters())
    for ask in (loaded.generate, loaded.translate, loaded.embed):
        with pytest.raises((ConfigError, CheckpointError), match=r"family elmo|without a tokenizer"):
            list(ask(["a"]))
    (tmp_path / "other.hdf5").touch()
    assert elmo_hdf5.find(tmp_path) is None


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    arrays = arrays_of(OPTIONS)

    def refused(says: str, options: dict[str, Any] = OPTIONS, **others: Any) -> None:
        kept = {name: array for name, array in (arrays | others).items() if array is not None}
        with pytest.raises(CheckpointError, match=says):
            elmo_hdf5.load(*write(tmp_path, options, kept))

    refused("missing: .*highways.1.gate.bias", **{"CNN_high_1/b_carry": None})
    refused("missing: layers.1.0.weight_hr_l0", **{"RNN_0/RNN/MultiRNNCell/Cell1/LSTMCell/W_P_0": None})
    refused("left over: RNN_0/RNN/MultiRNNCell/Cell2", **{"RNN_0/RNN/MultiRNNCell/Cell2/LSTMCell/B": np.zeros(36)})
    refused("not the shapes of this model: characters.table.weight", char_embed=np.zeros((260, 4)))
    refused("another form", **{"CNN/W_cnn_0": np.zeros((3, 4))})
    refused("options.json has no 'dim'", options={**OPTIONS, "lstm": {"projection_dim": 5}})
    refused("describes no ELMo model", options=changed(filters=[[99, 3]]))
    weights, options = write(tmp_path, OPTIONS, arrays)
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="no HDF5 file, or a damaged one"):
        elmo_hdf5.load(weights, options)
    with pytest.raises(CheckpointError, match="does not exist"):
        elmo_hdf5.load(tmp_path / "none.hdf5", options)


def test_published_sizes() -> None:
    """The parameters that allennlp.org/elmo gives; torch keeps two biases where there is one."""
    from headway.models.families.elmo import SIZES

    counts = {}
    for size in ("small", "medium", "original"):
        with torch.device("meta"):
            model = Elmo(SIZES[size].spec(0))
        counts[size] = sum(p.numel() for name, p in model.named_parameters() if not name.endswith("bias_hh_l0"))
    assert {size: round(count / 1e6, 1) for size, count in counts.items()} == {
        "small": 13.6, "medium": 28.0, "original": 93.6,
    }  # fmt: skip
