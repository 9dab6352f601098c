"""ELMo as it was published: the weights in one HDF5 file, the sizes in a JSON of options (allenai/bilm-tf).

The file keeps what TensorFlow had: matrices as inputs × outputs, those of an LSTM's input and of its state in one, its
gates in the order input, new, forget, output, and without the one that is added to the forget gate. The projection to
words is not in it. Needs h5py: `pip install 'headway[elmo]'`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headway.checkpoints.files import check_regular, read_json
from headway.checkpoints.native import fill
from headway.errors import CheckpointError, ConfigError
from headway.models.elmo import Elmo
from headway.spec import BidirectionalSpec, CharacterSpec

Array = NDArray[np.float32]


def find(folder: Path) -> tuple[Path, Path] | None:
    """The weights and the options in a folder, whatever their names begin with; None: there is not one of each."""
    weights, options = sorted(folder.glob("*.hdf5")), sorted(folder.glob("*options.json"))
    return (weights[0], options[0]) if len(weights) == len(options) == 1 else None


def load(weights: Path, options: Path) -> Elmo:
    """The model of an HDF5 file and its options, in evaluation mode, in float32.

    Raises:
        CheckpointError: a file is missing or damaged, or its tensors are not those that the options describe.
        ConfigError: h5py is not installed.
    """
    spec = read_spec(options)
    with torch.device("meta"):
        model = Elmo(spec)
    model = model.to_empty(device="cpu")
    fill(model, _tensors(_read(weights), spec, weights), weights)
    return model.eval()


def read_spec(options: Path) -> BidirectionalSpec:
    """What an `options.json` describes.

    Raises:
        CheckpointError: it is missing or damaged, or describes what cannot be.
    """
    data = read_json(options, "the options of an ELMo model")
    try:
        characters, cells = data["char_cnn"], data["lstm"]
        return BidirectionalSpec(
            family="elmo",
            vocab_size=0,
            characters=CharacterSpec(
                filters=tuple((int(width), int(number)) for width, number in characters["filters"]),
                max_length=int(characters["max_characters_per_token"]),
                d_character=int(characters["embedding"]["dim"]),
                num_highways=int(characters.get("n_highway") or 0),
                activation=characters["activation"],
            ),
            num_layers=int(cells.get("n_layers", 1)),
            d_model=int(cells["projection_dim"]),
            d_cell=int(cells["dim"]),
            skips=bool(cells.get("use_skip_connections")),
            clip_cell=_bound(cells.get("cell_clip")),
            clip_state=_bound(cells.get("proj_clip")),
        )
    except KeyError as error:
        raise CheckpointError(f"{options} has no {error}; expected the options of an ELMo model") from None
    except (AttributeError, ConfigError, TypeError, ValueError) as error:
        raise CheckpointError(f"{options} describes no ELMo model ({error}); download it again") from None


def _bound(value: Any) -> float | None:
    return float(value) if value else None


def _read(path: Path) -> dict[str, Array]:
    """Every tensor of the file by its path."""
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError("reading HDF5 needs h5py; install it with: pip install 'headway[elmo]'") from None
    check_regular(path, "the weights of an ELMo model")
    found: dict[str, Array] = {}

    def keep(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            found[name] = np.asarray(entry[...], dtype=np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path} is no HDF5 file, or a damaged one ({error}); download it again") from None
    return found


def _tensors(theirs: Mapping[str, Array], spec: BidirectionalSpec, path: Path) -> dict[str, Tensor]:
    """Our names and layouts; what is left over stays under its own name, so that it is seen."""
    rest, ours = dict(theirs), dict[str, Array]()
    try:
        for name, their_name, change in _keys(spec):
            if their_name in rest:
                ours[name] = change(rest.pop(their_name))
        for layer in range(spec.num_layers):
            for direction in range(2):
                ours |= _cells(rest, layer, direction, spec)
    except (IndexError, ValueError) as error:
        raise CheckpointError(f"{path} holds a tensor of another form than ELMo's ({error})") from None
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in (ours | rest).items()}


def _keys(spec: BidirectionalSpec) -> list[tuple[str, str, Callable[[Array], Array]]]:
    """Our name, theirs, and what is done to the array."""
    rows: list[tuple[str, str, Callable[[Array], Array]]] = [("characters.table.weight", "char_embed", np.asarray)]
    for i in range(len(spec.characters.filters)):
        convolution = f"characters.convolutions.{i}"
        rows += [
            (f"{convolution}.weight", f"CNN/W_cnn_{i}", lambda array: array[0].transpose(2, 1, 0)),
            (f"{convolution}.bias", f"CNN/b_cnn_{i}", np.asarray),
        ]
    matrices = [("characters.out", "CNN_proj", "proj")]
    for i in range(spec.characters.num_highways):
        matrices += [
            (f"characters.highways.{i}.{ours}", f"CNN_high_{i}", theirs)
            for ours, theirs in (("gate", "carry"), ("transform", "transform"))
        ]
    for ours, group, theirs in matrices:
        rows += [
            (f"{ours}.weight", f"{group}/W_{theirs}", np.transpose),
            (f"{ours}.bias", f"{group}/b_{theirs}", np.asarray),
        ]
    return rows


def _cells(rest: dict[str, Array], layer: int, direction: int, spec: BidirectionalSpec) -> dict[str, Array]:
    """The parameters of one LSTM, taken out of `rest`; those that are not there are left out."""
    theirs, ours = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell", f"layers.{layer}.{direction}"
    found: dict[str, Array] = {}
    if f"{theirs}/W_0" in rest:
        both = _gates(rest.pop(f"{theirs}/W_0").T)  # (4 · d_cell, 2 · d_model)
        found[f"{ours}.weight_ih_l0"], found[f"{ours}.weight_hh_l0"] = np.split(both, [spec.d_model], axis=1)
    if f"{theirs}/B" in rest:
        found[f"{ours}.bias_ih_l0"] = _gates(rest.pop(f"{theirs}/B"))  # (4 · d_cell,)
        found[f"{ours}.bias_hh_l0"] = np.repeat(np.array([0, 1, 0, 0], np.float32), spec.d_cell)
    if f"{theirs}/W_P_0" in rest:
        found[f"{ours}.weight_hr_l0"] = rest.pop(f"{theirs}/W_P_0").T
    return found


def _gates(array: Array) -> Array:
    """Input, new, forget, output → input, forget, new, output, as torch has them."""
    first, new, forget, last = np.split(array, 4)
    return np.concatenate([first, forget, new, last])
