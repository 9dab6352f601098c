"""The named data sets: where each is published, the hash of its bytes, its licence and its columns.

Hashes and row counts were taken from copies of the published files. No download could be tried where this table
was written: `download_tried` says so, and `headway data ls` repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headway.data.download import RemoteFile


@dataclass(frozen=True)
class NamedSet:
    """One named set.

    Attributes:
        task: what it is made for.
        languages: two-letter codes.
        licence: as its publisher states it.
        rows: by split.
        columns: role → column, for its task.
        all_columns: every column there is.
        files: by split, then by column for parallel text, or under `rows`.
        form: how the files say their rows: `parallel`, `tsv`, `trec`, or `program`: made here, without files.
        download_tried: whether a download from the addresses was ever seen to work.
    """

    task: str
    languages: tuple[str, ...]
    licence: str
    rows: Mapping[str, int]
    columns: Mapping[str, str]
    all_columns: tuple[str, ...]
    files: Mapping[str, Mapping[str, RemoteFile]]
    form: str
    download_tried: bool = False


def _files(
    base: str, rows: Mapping[str, Mapping[str, tuple[str, str, int, str]]], encoding: str = "utf-8"
) -> dict[str, dict[str, RemoteFile]]:
    """Split → column → (name here, name there, size, sha256), as files."""
    return {
        split: {
            column: RemoteFile(name, base + published, size, sha256, encoding)
            for column, (name, published, size, sha256) in columns.items()
        }
        for split, columns in rows.items()
    }


NAMED_SETS: dict[str, NamedSet] = {
    "quickstart": NamedSet(
        task="translate",
        languages=("en", "ko"),
        licence="that of headway",
        rows={"train": 28_000, "validation": 1000, "test": 1000},
        columns={"source": "en", "target": "ko"},
        all_columns=("en", "ko", "frame"),
        files={},
        form="program",
    ),
    "multi30k": NamedSet(
        task="translate",
        languages=("en", "de", "fr"),
        licence="none stated by the publisher; research and education only",
        rows={"train": 29_000, "validation": 1014, "test": 1000},
        columns={"source": "en", "target": "de"},
        all_columns=("en", "de", "fr"),
        files=_files(
            "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",
            {
                "train": {
                    "en": (
                        "train.en",
                        "train.en.gz",
                        1_801_238,
                        "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
                    ),
                    "de": (
                        "train.de",
                        "train.de.gz",
                        2_110_398,
                        "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
                    ),
                    "fr": (
                        "train.fr",
                        "train.fr.gz",
                        2_111_303,
                        "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
                    ),
                },
                "validation": {
                    "en": (
                        "val.en",
                        "val.en.gz",
                        63_297,
                        "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
                    ),
                    "de": (
                        "val.de",
                        "val.de.gz",
                        75_981,
                        "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
                    ),
                    "fr": (
                        "val.fr",
                        "val.fr.gz",
                        73_924,
                        "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
                    ),
                },
                "test": {
                    "en": (
                        "test_2016_flickr.en",
                        "test_2016_flickr.en.gz",
                        62_076,
                        "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
                    ),
                    "de": (
                        "test_2016_flickr.de",
                        "test_2016_flickr.de.gz",
                        70_649,
                        "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
                    ),
                    "fr": (
                        "test_2016_flickr.fr",
                        "test_2016_flickr.fr.gz",
                        72_261,
                        "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
                    ),
                },
            },
        ),
        form="parallel",
    ),
    "nsmc": NamedSet(
        task="classify",
        languages=("ko",),
        licence="CC0-1.0",
        rows={"train": 150_000, "test": 50_000},
        columns={"text": "document", "label": "label"},
        all_columns=("id", "document", "label"),
        files=_files(
            "https://raw.githubusercontent.com/e9t/nsmc/cc0670e872d4ac27bfe36c87456783004b39ef6c/",
            {
                "train": {
                    "rows": (
                        "ratings_train.txt",
                        "ratings_train.txt",
                        14_628_807,
                        "e03b7d14e9e41be8d464a28057cd25d7396c53e67aa7fd5f7e552c59b0ee2940",
                    ),
                },
                "test": {
                    "rows": (
                        "ratings_test.txt",
                        "ratings_test.txt",
                        4_893_335,
                        "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda",
                    ),
                },
            },
        ),
        form="tsv",
    ),
    "trec": NamedSet(
        task="classify",
        languages=("en",),
        licence="none stated by the publisher (Li & Roth 2002); research only",
        rows={"train": 5452, "test": 500},
        columns={"text": "question", "label": "label"},
        all_columns=("label", "fine", "question"),
        files=_files(
            "https://cogcomp.seas.upenn.edu/Data/QA/QC/",
            {
                "train": {
                    "rows": (
                        "train.txt",
                        "train_5500.label",
                        335_859,
                        "016243a7ddb380241c94eabcf073a210b9a83a2e772347cb5ed844722a192faf",
                    ),
                },
                "test": {
                    "rows": (
                        "test.txt",
                        "TREC_10.label",
                        23_354,
                        "033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e",
                    ),
                },
            },
            encoding="latin-1",
        ),
        form="trec",
    ),
}
