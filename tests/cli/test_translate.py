"""The command: what it prints where, and how its options reach the search."""

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import headway
from headway.cli.main import main
from headway.decoding.generate import Decoding
from headway.models.families.vaswani import Vaswani
from headway.models.transformer import EncoderDecoder
from headway.spec import SpecialTokens
from headway.tasks.reading import Reading
from headway.text.tokenizer import TokenizerPair
from headway.text.trainer import train


@pytest.fixture(autouse=True)
def _tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `headway.load` gives, without a folder."""
    torch.manual_seed(3)
    tokenizer = train(["a b c d e f g h"] * 3, type="word", vocab_size=12)
    special = SpecialTokens(pad_id=tokenizer.pad_id, start_id=tokenizer.start_id, end_id=tokenizer.end_id)
    choices = Vaswani(num_layers=2, d_model=16, d_ff=16, num_heads=2, max_length=12, tied="none", norm_order="pre")
    model = EncoderDecoder(choices.spec(tokenizer.vocab_size, tokenizer.vocab_size, special)).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.4)
    loaded = SimpleNamespace(
        model=model, translator=model, tokenizers=TokenizerPair(tokenizer, tokenizer), decoding=Decoding(beam=2),
        fresh=(), unread=(), reading=Reading(),
    )  # fmt: skip
    monkeypatch.setattr(headway, "load", lambda name, **options: loaded, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "lines.txt"
    path.write_text("a b c\n\nb\n" + " ".join("abc" * 5) + "\n", encoding="utf-8")
    return str(path)


def test_one_line_in_one_line_out(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", "model", file]) == 0
    out, err = capsys.readouterr()
    lines = out.split("\n")
    assert len(lines) == 5
    assert [bool(line) for line in lines] == [True, False, True, True, False]
    assert "1 of 4 lines were longer than the model reads" in err


def test_standard_input_and_json(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["translate", "model", file])
    plain = capsys.readouterr().out.split("\n")
    text = Path(file).read_bytes()
    for given in ([], ["-"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text), encoding="utf-8"))
        assert main(["translate", "model", *given, "--json"]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.removesuffix("\n").split("\n")]
        assert [row["text"] for row in found] == plain[:-1]
        assert set(found[0]) == {"text", "score", "log_probability", "tokens", "hit_limit", "source_cut"}
        assert [row["source_cut"] for row in found] == [False, False, False, True]


def test_n_best(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["translate", "model", file, "--beam", "4"])
    best = capsys.readouterr().out.split("\n")[:-1]
    assert main(["translate", "model", file, "--beam", "4", "--n-best", "3"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.removesuffix("\n").split("\n")]
    assert [row[0] for row in rows] == ["1", "1", "1", "2", "3", "3", "3", "4", "4", "4"]
    assert [rows[place][2] for place in (0, 3, 4, 7)] == best
    assert float(rows[0][1]) > float(rows[1][1]) > float(rows[2][1])
    main(["translate", "model", file, "--beam", "4", "--n-best", "3", "--json"])
    first = json.loads(capsys.readouterr().out.split("\n")[0])
    assert [row["text"] for row in (first, *first["alternatives"])] == [row[2] for row in rows[:3]]


def test_the_limit_is_reported(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", "model", file, "--max-length", "1", "--beam", "1"]) == 0
    assert "reached the length limit and may be cut off" in capsys.readouterr().err


def test_sampling_by_seed(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for seed in ("1", "1", "2"):
        assert main(["translate", "model", file, "--sample", "--seed", seed, "--temperature", "2"]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--length-norm", "gnmt"], 2, "gnmt needs a number, such as gnmt:0.6"),
        (["--n-best", "9"], 2, "a beam of 2 finds no more than 2"),
        (["--too-long", "refuse"], 3, "line 4 has 15 tokens"),
        (["--sample", "--temperature", "0"], 2, "temperature is 0.0"),
        (["--top-k", "3"], 2, "--top-k is about draws; add --sample"),
        (["--sample", "--beam", "3"], 2, "--beam searches and --sample draws"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    file: str, capsys: pytest.CaptureFixture[str], options: list[str], status: int, message: str
) -> None:
    assert main(["translate", "model", file, *options]) == status
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_a_missing_file_is_said_before_the_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headway, "load", lambda name, **options: pytest.fail("loaded"))
    assert main(["translate", "model", str(tmp_path / "no.txt")]) == 3
    assert "no such file" in capsys.readouterr().err
