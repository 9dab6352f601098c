"""The command: what it prints where, and how its options reach the search."""

import io
import json
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import headway
from headway.cli.main import main
from headway.decoding.generate import Decoding
from headway.decoding.sampling import Sampling
from headway.models.build import build
from headway.models.families.gpt2 import Gpt2
from headway.spec import SpecialTokens
from headway.tasks.reading import Reading
from headway.text.tokenizer import TokenizerPair
from headway.text.trainer import train


@pytest.fixture(autouse=True)
def _tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `headway.load` gives, without a folder."""
    torch.manual_seed(3)
    tokenizer = train(["a b c d e f g h"] * 3, type="word", vocab_size=12)
    special = SpecialTokens(pad_id=tokenizer.pad_id, start_id=tokenizer.start_id, end_id=-1)
    model = build(Gpt2(num_layers=2, d_model=16, num_heads=2, max_length=24).spec(12, special)).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.4)
    pair = TokenizerPair(tokenizer, tokenizer)
    loaded = SimpleNamespace(
        model=model, tokenizers=pair, decoding=Decoding(beam=3), fresh=(), unread=(), reading=Reading()
    )
    monkeypatch.setattr(headway, "load", lambda name, **options: loaded, raising=False)


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["generate", "model", *arguments]) == 0
    return capsys.readouterr().out.removesuffix("\n").split("\n")


def test_one_line_a_prompt_from_arguments_and_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = lines(capsys, "a b", "c", "", "--repetition-penalty", "1.5")
    assert len(plain) == 3
    assert len(set(plain)) > 1
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"c\n\n"), encoding="utf-8"))
    assert lines(capsys, "a b", "-", "--repetition-penalty", "1.5") == plain
    assert lines(capsys, "--repetition-penalty", "1.5") == plain[2:]  # no prompt: the start of a text


def test_json_and_several_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    texts = lines(capsys, "a b", "--beam", "4", "--num", "3", "--max-new-tokens", "5")
    (found,) = map(json.loads, lines(capsys, "a b", "--beam", "4", "--num", "3", "--max-new-tokens", "5", "--json"))
    assert [row["text"] for row in (found, *found["alternatives"])] == texts
    assert found.keys() == {"prompt", "text", "ids", "log_probability", "score", "finished", "alternatives"}
    assert (found["prompt"], found["finished"], len(found["ids"])) == ("a b", "limit", 5)


def test_a_stream_prints_the_same_text_and_a_stop_string_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    (whole,) = lines(capsys, "a b", "--repetition-penalty", "1.5")
    assert lines(capsys, "a b", "--repetition-penalty", "1.5", "--stream") == [whole]
    stop = whole.split()[3]
    wanted = [whole[: whole.find(stop)]]
    for stream in ([], ["--stream"]):
        assert lines(capsys, "a b", "--repetition-penalty", "1.5", "--stop", "x", "--stop", stop, *stream) == wanted


def test_sampling_by_seed_and_greedy_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, "a") == lines(capsys, "a", "--top-k", "1") == lines(capsys, "a", "--temperature", "1e-4")
    one, again, other = (lines(capsys, "a", "--num", "4", "--seed", seed, "--temperature", "2") for seed in "112")
    assert one == again != other
    assert len(set(one)) == 4


def test_a_folder_is_followed_only_with_sample(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = lines(capsys, "a")
    loaded = headway.load("model")
    sharp = Decoding(sampling=Sampling(top_k=1), repetition_penalty=9.0, max_length=3, ends=(99,), suppress=(5,))
    monkeypatch.setattr(loaded, "decoding", sharp)
    (greedy,) = (json.loads(line) for line in lines(capsys, "a", "--json"))
    assert len(greedy["ids"]) == 24
    assert 5 not in greedy["ids"]
    (drawn,) = (json.loads(line) for line in lines(capsys, "a", "--json", "--sample"))
    assert len(set(drawn["ids"])) == 3
    (longer,) = (json.loads(line) for line in lines(capsys, "a", "--json", "--sample", "--max-new-tokens", "4"))
    assert longer["ids"][:3] == drawn["ids"]
    assert len(longer["ids"]) == 4
    monkeypatch.setattr(loaded, "decoding", Decoding(unfollowed=("min_p = 0.1",)))
    assert lines(capsys, "a") == plain
    assert main(["generate", "model", "a", "--sample"]) == 2
    assert "asks to be decoded with min_p = 0.1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--num", "2"], 2, "greedy has one output; draw (--temperature 1) or give --beam"),
        (["--beam", "2", "--top-k", "3"], 2, "--beam searches and --top-k draws"),
        (["--beam", "2", "--stream"], 2, "only one output at a time can be streamed"),
        (["--json", "--stream"], 2, "leave one of them out"),
        (["--temperature", "0"], 2, "temperature is 0.0"),
        (["--temperature", "inf"], 2, "temperature is inf"),
        (["--seed", "-1"], 2, "seed is -1"),
        (["--max-new-tokens", "0"], 2, "--max-new-tokens is 0; it must be at least 1"),
        (["--beam", "2", "--num", "3"], 2, "--num is 3, but a beam of 2 finds no more than 2"),
        (["--beam", "2", "--sample"], 2, "--beam searches and --sample draws"),
        (["--beam", "0"], 2, "beam is 0"),
        (["--repetition-penalty", "0"], 2, "repetition_penalty is 0.0"),
        (["a b c d " * 7], 3, "prompt 2 has 28 tokens, but the model reads at most 24"),
        (["--max-new-token", "3"], 2, "did you mean --max-new-tokens?"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    assert main(["generate", "model", "a", *arguments]) == status
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
