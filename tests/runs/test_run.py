"""A training from the command line to its folder: what INTERFACE promises, for every form of data and family."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open

import headway
from headway.cli.main import main
from headway.config import RunConfig, TrainingConfig, fields, load_recipe, read_config, recipes
from headway.data.prefixes import UNTOLD
from headway.data.sources import load
from headway.errors import ConfigError
from headway.runs import RunFolder, train, train_seeds
from headway.runs.build import check, choices_of
from headway.runs.kinds import kind_of
from headway.runs.kinds.pairs import Pairs
from headway.runs.kinds.translate import Translate
from headway.runs.prepare import Prepared, ending
from tests.runs import tiny

PROMISED = {
    "config.yaml",
    "spec.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "metrics.jsonl",
    "evaluation.json",
    "plots",
    "README.md",
    "checkpoints",
    "environment.json",
    "attention.html",
}


def test_the_folder_holds_what_is_promised_and_nothing_else(tiny_run: Path) -> None:
    assert {path.name for path in tiny_run.iterdir()} == PROMISED
    assert {path.name for path in (tiny_run / "plots").iterdir()} == {
        "loss.png",
        "learning_rate.png",
        "throughput.png",
        "bleu.png",
    }
    steps = {path.name: {file.name for file in path.iterdir()} for path in (tiny_run / "checkpoints").iterdir()}
    files = {"model.safetensors", "optimizer.safetensors", "random.safetensors", "progress.json"}
    assert steps["step-8"] == files
    with safe_open(tiny_run / "model.safetensors", "pt") as file:
        assert "encoder.tokens.weight" in file.keys()  # noqa: SIM118


def test_the_configuration_is_complete_and_makes_the_same_run(tiny_run: Path) -> None:
    text = (tiny_run / "config.yaml").read_text(encoding="utf-8")
    assert all(f"{key.rpartition('.')[2]}: " in text for key in fields())
    assert read_config(tiny_run / "config.yaml") == load_recipe(str(tiny_run / "config.yaml"))
    assert yaml.safe_load(text)["training"]["max_steps"] == 8


def test_metrics_have_a_row_for_every_step_and_one_for_the_validation(tiny_run: Path) -> None:
    found = tiny.metrics(tiny_run)
    training = [row for row in found if "loss" in row]
    assert [row["step"] for row in training] == list(range(1, 9))
    promised = {"step", "epoch", "elapsed", "loss", "perplexity", "learning_rate", "tokens_per_second", "padding"}
    assert all(promised <= row.keys() and 0 <= row["padding"] < 1 for row in training)
    promised = {"step", "elapsed", "validation_loss", "validation_perplexity", "bleu", "chrf"}
    assert [row.keys() for row in found if "loss" not in row][-1] == promised


def test_preparing_leaves_the_steps_half_of_the_minutes(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A vocabulary and five gigabytes encoded may take longer than the minutes asked for."""
    more = {"training__max_minutes": 0.003, "training__max_steps": "null"}
    assert main(tiny.words(tiny_corpus, tmp_path / "run", **more)) == 0
    said = "more than half of training.max_minutes 0.003; the steps have 0.0"
    err = " ".join(capsys.readouterr().err.split())
    assert re.search(r"reading and encoding took [\d.]+ minutes, " + re.escape(said), err)
    assert "ends after 0.003 minutes" in err
    first = tiny.metrics(tmp_path / "run")[0]
    assert first["elapsed"] > 0.09  # the other half


def test_all_limits_are_said() -> None:
    """One given on the command line stands beside those of the recipe."""
    three = TrainingConfig(max_minutes=10.0, max_epochs=1, max_steps=1_000_000)
    assert ending(three) == "ends after 10 minutes, 1 epoch or 1,000,000 steps, whichever comes first"
    assert ending(TrainingConfig(max_steps=8)) == "ends after 8 steps"
    patient = ending(TrainingConfig(max_steps=8, patience=5))
    assert patient == "ends after 8 steps; sooner when 5 validations in a row are no better"


def test_the_evaluation_is_of_the_promised_form(tiny_run: Path) -> None:
    found = json.loads((tiny_run / "evaluation.json").read_text(encoding="utf-8"))
    assert (found["task"], found["split"], found["rows"]) == ("translate", "test", 12)
    assert found["seconds"] > 0
    for name in ("bleu", "chrf"):
        assert found["metrics"][name].keys() == {"score", "signature", "low", "high"}
        assert "version:" in found["metrics"][name]["signature"]
    sources = {source for source, _ in tiny.rows()}
    assert all(sample["source"] in sources for sample in found["samples"])


def test_the_card_says_how_it_came_about(tiny_run: Path) -> None:
    card = (tiny_run / "README.md").read_text(encoding="utf-8")
    evaluation = json.loads((tiny_run / "evaluation.json").read_text(encoding="utf-8"))
    environment = json.loads((tiny_run / "environment.json").read_text(encoding="utf-8"))
    assert environment["command"] in card
    assert evaluation["metrics"]["bleu"]["signature"] in card
    assert environment["choices"].keys() == {"dtype", "linear", "attention", "threads"}
    split = {sample["source"] for sample in evaluation["samples"]}
    (train,) = kind_of(read_config(tiny_run / "config.yaml")).load()["train"]
    kept = list(train.rows())
    digest = hashlib.sha256("".join(f"{source}\t{target}\n" for source, target in kept).encode()).hexdigest()
    assert digest in card
    assert not split & {source for source, _ in kept}, "a test row was trained on"


def test_the_hash_of_the_data_is_that_of_the_text_alone(tmp_path: Path) -> None:
    """Other files of the same lines have the same hash; one other letter changes it."""
    hashes = []
    for name, letter in (("one", "x"), ("another", "x"), ("third", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.tsv").write_text(f"source\ttarget\n{letter}\tb\nc\td\n", encoding="utf-8")
        table = load(train=str(tmp_path / name / "a.tsv"))["train"]
        hashes.append(Translate(RunConfig()).digest((Pairs(UNTOLD, table),)))
    assert hashes[0] == hashes[1] == hashlib.sha256(b"x\tb\nc\td\n").hexdigest()
    assert hashes[0] != hashes[2]


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("a.tsv", "de\ten\n{}", {"data__columns__source": "de", "data__columns__target": "en"}),
        ("a.tsv", "{}", {"data__header": "false", "data__columns__source": "2", "data__columns__target": "1"}),
        ("a.jsonl", None, {"data__columns__source": "t.de", "data__columns__target": "t.en"}),
    ],
)
def test_tables_are_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str | None, options: dict[str, object]
) -> None:
    lines = [json.dumps({"t": {"de": s, "en": t}}) if text is None else f"{s}\t{t}" for s, t in tiny.rows(80)]
    (tmp_path / name).write_text((text or "{}").format("\n".join(lines) + "\n"), encoding="utf-8")
    run = tmp_path / "run"
    more = {"training__max_steps": 1, "training__validation_bleu": "false", "data__test": 0.1, "data__validation": 0.1}
    assert main([*tiny.words(str(tmp_path / name), run, **more, **options), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["run"], found["rows"]) == (str(run), 8)
    english = options.get("data__columns__source") == "2"
    sources = {pair[english] for pair in tiny.rows(80)}
    assert {sample["source"] for sample in found["samples"]} <= sources


@pytest.mark.parametrize(
    ("family", "attention", "joint"),
    [("lstm", "dot", True), ("rnn", "none", True), ("gru", "none", False), ("vaswani", None, False)],
)
def test_families(tmp_path: Path, tiny_corpus: str, family: str, attention: str | None, joint: bool) -> None:
    more: dict[str, object] = {"model__family": family, "tokenizer__joint": str(joint).lower()}
    more |= {"model__attention": attention} if attention else {}
    run = tmp_path / "run"
    assert main(tiny.words(tiny_corpus, run, training__max_steps=2, **more)) == 0
    assert (run / "attention.html").exists() == (attention != "none")
    loaded = headway.load(run)
    assert loaded.spec.family == family
    assert loaded.spec.shared_embedding == joint
    assert loaded.tokenizers.is_joint == joint
    assert len(loaded.translate(["der hund läuft.", "", "ein haus"])) == 3


def test_two_vocabularies_are_never_given_one_table(tmp_path: Path, tiny_corpus: str) -> None:
    with pytest.raises(ConfigError, match=r"model.tied is all.*set model.tied decoder"):
        train(
            "translate", {"data.train": tiny_corpus, "tokenizer.joint": False, "model.tied": "all"}, run=tmp_path / "r"
        )
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_passes_what_is_checked_before_anything_is_read(name: str) -> None:
    config = load_recipe(name)
    check(config)
    kind_of(config).check()
    assert choices_of(config.model).spec(99, 99).family == config.model.family


def test_several_seeds_are_several_runs_and_their_mean(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run again with --reuse, what is finished stays; a change of the seed is a change of the scores."""
    words = [*tiny.words(tiny_corpus, tmp_path / "runs", seed=5), "--seeds", "2", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [5, 6]
    runs = [RunFolder.open(tmp_path / "runs" / f"seed-{seed}") for seed in (5, 6)]
    scores = [run.evaluation["metrics"]["chrf"]["score"] for run in runs]
    chrf = found["metrics"]["chrf"]
    assert chrf["scores"] == scores
    assert scores[0] != scores[1]
    assert chrf["score"] == pytest.approx(sum(scores) / 2)
    assert chrf["high"] - chrf["score"] == pytest.approx(12.706 * abs(scores[0] - scores[1]) / 2)
    assert json.loads((tmp_path / "runs" / "seeds.json").read_text(encoding="utf-8"))["metrics"] == found["metrics"]
    weights = runs[0].weights.stat().st_mtime_ns
    assert main([*words[:-1], "--reuse"]) == 0
    assert runs[0].weights.stat().st_mtime_ns == weights
    assert "the mean of the seeds 5, 6" in capsys.readouterr().out
    assert main([*words[:-1], "--reuse", "--training.learning_rate", "9"]) == 2
    assert "another training.learning_rate" in capsys.readouterr().err
    assert main([*words[:-1]]) == 2
    assert f"--seeds 2 --run {tmp_path / 'runs'} --reuse" in capsys.readouterr().err
    evaluation = tmp_path / "runs" / "seed-6" / "evaluation.json"
    text = evaluation.read_text(encoding="utf-8")
    evaluation.write_text(text.replace('"split": "test"', '"split": "validation"'), encoding="utf-8")
    assert main([*words[:-1], "--reuse"]) == 2
    assert "seed-6 was evaluated on validation of data.train " in capsys.readouterr().err
    assert main([*words[:-2], "1"]) == 2


def test_seeds_that_hold_out_rows_of_other_number_have_a_mean(tmp_path: Path) -> None:
    """Equal texts stay on one side, so that a share is not always as many rows; the command to go on reads back."""
    rows = [f"good {n // 5}\tyes\nbad {n // 3}\tno\n" for n in range(30)]
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    given = {
        "data.train": str(tmp_path / "a.tsv"), "data.validation": "0.2", "data.test": "0.2", "training.max_steps": 1,
        "training.max_minutes": None, "training.max_epochs": None, "training.patience": 0, "tokenizer.type": "word",
        "model.num_layers": 1, "model.d_model": 8, "model.num_heads": 1, "training.threads": 1,
    }  # fmt: skip
    repeated = train_seeds("classify", given, seeds=3, run=tmp_path / "seeds")
    assert len({run.evaluation["rows"] for run in repeated.runs.values()}) > 1
    scores = [run.evaluation["metrics"]["accuracy"]["score"] for run in repeated.runs.values()]
    assert repeated.evaluation["metrics"]["accuracy"]["scores"] == scores
    with pytest.raises(ConfigError, match=r"--training\.max_minutes=null "):
        train_seeds("classify", given, seeds=3, run=tmp_path / "seeds")


def test_names_of_folders(tmp_path: Path, tiny_corpus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`runs/RECIPE`, numbered where that is taken; `--reuse` keeps what is finished, wherever it lies."""
    monkeypatch.chdir(tmp_path)
    command = tiny.words(tiny_corpus, training__max_steps=1, training__validation_bleu="false")
    assert main(command) == main(command) == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["translate", "translate-2"]
    before = Path("runs/translate/README.md").stat().st_mtime_ns
    assert main([*command, "--reuse"]) == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["translate", "translate-2"]
    assert Path("runs/translate/README.md").stat().st_mtime_ns == before


def test_the_weights_kept_are_those_of_the_best_validation(
    tmp_path: Path, tiny_corpus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of three validations is made the best; a later checkpoint must not win."""
    losses = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(Prepared, "validate", lambda self, trained, moving: {"validation_loss": next(losses)})
    more = {"training__max_steps": 6, "training__validate_every": 2, "training__keep_checkpoints": 1}
    run = tmp_path / "run"
    assert main(tiny.words(tiny_corpus, run, **more)) == 0
    assert RunFolder(run).checkpoints.steps() == [4, 6]
    kept, best, last = (
        file.read_bytes()
        for file in (run / "model.safetensors", *sorted(run.glob("checkpoints/step-*/model.safetensors")))
    )
    assert kept == best != last
    assert "those of step 4, the best" in (run / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("key", "said"), [("average_last", "average of the last 2"), ("ema_decay", "moving average")])
def test_averaged_weights_are_kept(tmp_path: Path, tiny_corpus: str, key: str, said: str) -> None:
    value = {"average_last": 2, "ema_decay": 0.9}[key]
    more = {"training__max_steps": 4, "training__checkpoint_every": 2, f"training__{key}": value}
    run = tmp_path / "run"
    assert main(tiny.words(tiny_corpus, run, **more)) == 0
    assert said in (run / "README.md").read_text(encoding="utf-8")
    weights = [RunFolder(run).checkpoints.weights(step) for step in (2, 4)]
    with safe_open(run / "model.safetensors", "pt") as file:
        found = file.get_tensor("encoder.tokens.weight")
    if key == "average_last":
        mean = sum(state["encoder.tokens.weight"].double() for state in weights) / 2
        assert (found.double() - mean).abs().max() < 1e-7
    else:
        assert (found != weights[1]["encoder.tokens.weight"]).any()


def test_the_printed_end_says_what_to_do_next(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a finished run that is resumed stays as it is."""
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    assert main(["resume", str(tiny_run)]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"headway translate {re.escape(str(tiny_run))}", out)
    assert str(tiny_run / "plots" / "loss.png") in out
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before
