"""Two words "bank", layer by layer: the picture and the numbers of docs/guides/contextual-vectors.md.

python -m benchmarks.contextual_vectors minilm --out docs/pictures/contextual-vectors.png
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import headway
from benchmarks.features import where
from benchmarks.machine import bare_parser
from headway.explain.figures import BLUE, INK, RAMP, RULE, RUST, save_png
from headway.tasks.embed import embed

WORD = "bank"
SENTENCES = {
    "river": (
        "We sat on the bank of the river and watched the boats.",
        "The heron waits on the muddy bank for fish.",
        "After the flood, the north bank had lost its trees.",
        "They pulled the canoe up onto the grassy bank.",
        "Willows grow along the bank of the stream.",
        "He swam to the far bank before it was dark.",
    ),
    "money": (
        "She opened an account at the bank on Monday.",
        "The bank refused to lend him the money.",
        "My bank charges a fee for every transfer.",
        "The central bank raised interest rates again.",
        "He works as a teller in a small bank in town.",
        "The robbers left the bank with two bags of cash.",
    ),
}


def vectors(model: Any, sentences: list[str]) -> NDArray[np.float32]:
    """Of the word in each sentence, the embeddings and what each layer says `(layers + 1, sentences, d_model)`."""
    found = embed(model.model, model.tokenizer, sentences, "concat:0..-1", "none")
    width = model.spec.stack.d_model
    return np.stack([each.vector[each.tokens.index(WORD)].reshape(-1, width) for each in found], axis=1)


def cosines(states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between all pairs of sentences, in each layer `(layers + 1, sentences, sentences)`."""
    length_one = states / np.linalg.norm(states, axis=-1, keepdims=True)
    return length_one @ length_one.swapaxes(1, 2)


def table(similar: NDArray[np.float32], is_money: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Of each layer the mean cosine of pairs of one meaning and of two, and how many have the nearest of their own."""
    same, others = is_money[:, None] == is_money, ~np.eye(len(is_money), dtype=bool)
    nearest = np.where(others, similar, -2).argmax(-1)  # `(layers + 1, sentences)`
    return [
        {
            "same": float(layer[same & others].mean()),
            "different": float(layer[~same].mean()),
            "nearest": int((is_money[near] == is_money).sum()),
        }
        for layer, near in zip(similar, nearest, strict=True)
    ]


def draw(rows: list[dict[str, float]], similar: NDArray[np.float32], sentences: list[str], path: Path) -> None:
    """Left the means over the layers, right every pair in the layer that tells the meanings apart best."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.6), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    middle = len(rows) // 2
    for name, text, colour, style, away in (
        ("same", "one meaning", BLUE, "-", 26),
        ("different", "two meanings", RUST, "--", -18),
    ):
        values = [row[name] for row in rows]
        left.plot(values, style, color=colour, linewidth=1.8, marker="o", markersize=4)
        left.annotate(text, (middle, values[middle]), (0, away), textcoords="offset points", ha="center", color=colour)
    left.set_xlabel("layer (0: the embeddings)")
    left.set_ylabel(f'mean cosine of two "{WORD}"s')
    left.margins(y=0.12)
    left.set_ylim(top=1)
    left.grid(color=RULE, linewidth=0.8)
    left.spines[["top", "right"]].set_visible(False)
    best = int(np.argmax([row["same"] - row["different"] for row in rows]))
    colours = LinearSegmentedColormap.from_list("headway", list(RAMP))
    lowest = similar[best].min()
    right.imshow(similar[best], cmap=colours, vmin=lowest, vmax=1)
    for (row, column), value in np.ndenumerate(similar[best]):
        ink = "white" if value > (1 + lowest) / 2 else INK
        right.text(column, row, f"{value:.2f}".removeprefix("0"), ha="center", va="center", fontsize=7, color=ink)
    right.set_yticks(range(len(sentences)), sentences, fontsize=7.5)
    right.set_xticks([2.5, 8.5], list(SENTENCES))
    right.axhline(5.5, color="white", linewidth=2)
    right.axvline(5.5, color="white", linewidth=2)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    right.set_title(f"cosines in layer {best}", fontsize=10, loc="left")
    save_png(figure, path)


def main(words: list[str]) -> int:
    """Print a row a layer, and draw."""
    flags = bare_parser("contextual_vectors", __doc__)
    flags.add_argument("model", metavar="MODEL", help="an encoder that reads English: a folder, a hub id, or minilm")
    flags.add_argument("--out", type=Path, metavar="FILE", help="the PNG")
    arguments = flags.parse_args(words)
    sentences = [sentence for group in SENTENCES.values() for sentence in group]
    similar = cosines(vectors(headway.load(where(arguments.model)), sentences))
    rows = table(similar, np.repeat([False, True], len(sentences) // 2))
    print("| layer | one meaning | two meanings | nearest has the same meaning |\n| ---: | ---: | ---: | ---: |")
    for layer, row in enumerate(rows):
        print(f"| {layer} | {row['same']:.2f} | {row['different']:.2f} | {row['nearest']} of {len(sentences)} |")
    if arguments.out:
        draw(rows, similar, sentences, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
