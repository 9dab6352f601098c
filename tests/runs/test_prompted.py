"""Texts after prompts, from the command line to a headline."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

import headway
from headway.cli.main import main
from headway.config import load_recipe
from headway.objectives.cross_entropy import IGNORED
from headway.runs.kinds import kind_of

TOPICS = {"sport": "team wins cup", "trade": "bank lends gold", "weather": "rain falls south"}
OPTIONS = {
    "data.validation": "0.1",
    "data.columns.text": "title",
    "data.columns.prompt": "topic",
    "data.max_length": 24,
    "objective.packing": "texts",
    "tokenizer.vocab_size": 320,
    "model.num_layers": 1,
    "model.d_model": 32,
    "model.num_heads": 2,
    "model.dropout": 0.0,
    "training.max_steps": 60,
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.schedule": "constant",
    "training.learning_rate": 0.02,
    "training.warmup_steps": 2,
    "training.batch_tokens": 500,
    "training.threads": 1,
}


@pytest.fixture(scope="module")
def titles(tmp_path_factory: pytest.TempPathFactory) -> str:
    draw = random.Random(3)
    rows = [(topic, " ".join(draw.sample(words.split(), 3))) for topic, words in TOPICS.items() for _ in range(80)]
    draw.shuffle(rows)
    path = tmp_path_factory.mktemp("titles") / "titles.tsv"
    text = "".join(f"{topic}\t{title} {n}\n" for n, (topic, title) in enumerate(rows))
    path.write_text("topic\ttitle\n" + text, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def run(titles: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of headlines for a topic: read only."""
    run = tmp_path_factory.mktemp("runs") / "headlines"
    assert main(words(titles, run)) == 0
    return run


def words(titles: str, run: Path, **more: object) -> list[str]:
    options = {"data.train": titles, **OPTIONS, **{key.replace("__", "."): value for key, value in more.items()}}
    flat = [word for key, value in options.items() if value is not None for word in (f"--{key}", str(value))]
    return ["train", "causal-lm", "--run", str(run), *flat]


def test_a_model_writes_of_the_topic_it_is_given_and_stops(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for topic, its in TOPICS.items():
        capsys.readouterr()
        assert main(["generate", str(run), topic, "--json", "--max-new-tokens", "22"]) == 0
        written = json.loads(capsys.readouterr().out)
        assert written["finished"] == "end"
        assert set(written["text"].split()[:3]) & {*its.split()}
        assert headway.load(run).generate([f"{topic}: "]) == headway.load(run).generate([topic]) == [written["text"]]


def test_only_texts_are_measured(run: Path, titles: str) -> None:
    """Bytes and tokens are those of the titles and their ends; the topic, if counted, would make it look easier."""
    found = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    metrics = found["metrics"]
    assert metrics["bits_per_byte"]["score"] < metrics["unigram_bits_per_byte"]["score"]
    assert metrics["kneser_ney_bits_per_byte"]["score"] < metrics["unigram_bits_per_byte"]["score"]
    kind = kind_of(load_recipe(str(run / "config.yaml")))
    texts = [line for line, begins in kind.load()["validation"].lines() if not begins]
    assert found["bytes"] == sum(len(text) for text in texts)
    tokenizer = headway.load(run).tokenizers.target
    assert found["tokens"] == sum(len(ids) + 1 for ids in tokenizer.encode_batch(texts))
    nats = math.log(metrics["perplexity"]["score"]) * found["tokens"]
    assert metrics["bits_per_byte"]["score"] == pytest.approx(nats / found["bytes"] / math.log(2))
    losses = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert math.log(metrics["perplexity"]["score"]) == pytest.approx(
        min(row["validation_loss"] for row in losses if "validation_loss" in row), rel=1e-3
    )
    assert {sample["source"] for sample in found["samples"]} <= {*TOPICS}


def test_what_is_given_is_read_as_it_is_asked_and_not_said(titles: str) -> None:
    given = {**OPTIONS, "data.train": titles, "data.prompt_separator": " | "}
    kind = kind_of(load_recipe("causal-lm", [(key, value) for key, value in given.items() if value != "null"]))
    data = kind.load()
    vocabulary = kind.learn(data)
    spec = kind.spec(vocabulary, data)
    encoded = kind.encode(data, "train", vocabulary, spec)
    batch = kind.objective(spec, vocabulary).collate([encoded.rows[0], encoded.rows[1]], [])
    lines = [line for _, (line, _) in zip(range(4), data["train"].lines(), strict=False)]
    prompts, texts = lines[::2], lines[1::2]
    assert prompts[0].endswith(" | ")
    ids = [vocabulary.encode_batch(side) for side in (prompts, texts)]
    rows = [[spec.tokens.start_id, *prompt, *text] for prompt, text in zip(*ids, strict=True)]
    assert batch.inputs.tolist() == [token for row in rows for token in row]
    assert batch.labels.tolist() == [token for text in ids[1] for token in (*text, spec.tokens.end_id)]
    labels = np.full(len(batch.inputs), IGNORED)
    labels[batch.said.numpy()] = batch.labels
    following = [(*prompt, *text, spec.tokens.end_id) for prompt, text in zip(*ids, strict=True)]
    asked = [token if place >= len(prompt) else IGNORED for row, prompt in zip(following, ids[0], strict=True)
             for place, token in enumerate(row)]  # fmt: skip
    assert labels.tolist() == asked
    assert batch.counts == {"loss": len(batch.labels), "nll": len(batch.labels)}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"objective__packing": "blocks"}, "gives each text a row of its own, and objective.packing is blocks"),
        ({"data__columns__prompt": "theme"}, "no column 'theme' for prompt"),
        ({"data__max_length": 3}, "train split: all 216 texts are longer than 3 tokens with their prompts"),
        ({"data__max_length": 7, "data__too_long": "refuse"}, "are longer than 7 tokens with their prompts, the first"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    more: dict[str, object], said: str, titles: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(titles, tmp_path / "run", **more)) in (2, 3)
    last = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert last.startswith("headway: ")
    assert said in last
