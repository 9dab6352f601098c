"""The keys of a run, frozen and typed: each with its default and one line of help."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


def _help(text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnsConfig:
    """Which column of a table plays which role: a name, a dotted JSON key, or a number from 1."""

    source: str | None = _help("the text to translate")
    target: str | None = _help("its translation")
    text: str | None = _help("the text: raw, or to be given labels")
    prompt: str | None = _help("causal-lm: what is given before a text, and not learned")
    pair: str | None = _help("the second text of a pair")
    label: str | None = _help("the label of a text, its labels, or its number")
    group: str | None = _help("rows of equal value stay on one side of a held-out split")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Where the text comes from."""

    name: str | None = _help("a named set (`headway data ls`), or hub:owner/name")
    train: str | None = _help("a file, or two parallel files with a comma between")
    validation: str | None = _help("files, or a share of the training rows such as 0.1")
    test: str | None = _help("files, or a share of the training rows such as 0.1")
    format: Literal["parallel", "tsv", "csv", "jsonl", "text", "conll", "squad"] | None = _help(
        "the form of the files; null: from their ending"
    )
    columns: ColumnsConfig = ColumnsConfig()
    header: bool = _help("the first line of a table names its columns", True)
    delimiter: str | None = _help("what parts the columns; null: by format")
    split_at: Literal["first", "last"] | None = _help("a line is two columns, parted at this delimiter; null: at each")
    label_separator: str | None = _help("classify: what parts several labels in one column; null: a row has one")
    unit: Literal["word", "char"] = _help("what a line of a CoNLL file is", "word")
    share: float = _help("learn from this share of the training rows, drawn by the seed; not for raw text", 1.0)
    tasks: str | None = _help(
        "translate: what stands before a source, then its columns; several parted by ;, each perhaps with a weight"
    )
    mixing_temperature: float = _help("1: tasks are mixed in proportion to their rows; higher: more evenly", 1.0)
    prompt_separator: str = _help("causal-lm: what parts a prompt from its text", ": ")
    languages: str | None = _help("source-target, such as de-en: picks the pair of a named set")
    document: Literal["line", "blank_line", "file"] = _help(
        "what a document of raw text is: a line, what blank lines part, or a file", "blank_line"
    )
    max_length: int = _help("the most tokens of one text, or of one block of raw text", 128)
    too_long: Literal["truncate", "drop", "refuse"] = _help("what happens to a longer one, counted either way", "drop")
    stride: int = _help("tag, answer: tokens that neighbouring windows of a longer text share", 64)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerConfig:
    """How text is cut into pieces."""

    type: Literal["byte-bpe", "bpe", "wordpiece", "unigram", "word", "char"] = _help("the method", "byte-bpe")
    vocab_size: int | None = _help("pieces, special ones included; null: up to 8,000, as the data allows")
    joint: bool = _help("one vocabulary for both languages", True)
    normalization: Literal["nfc", "nfkc", "none"] = _help("the Unicode form text is brought into", "nfc")
    lowercase: bool = _help("fold case", False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveConfig:
    """What is asked of the model while it learns."""

    problem: Literal["single", "multi", "regression"] | None = _help(
        "classify: a row has one label, several, or a number; null: several where data.label_separator is set"
    )
    reads: Literal["pooler", "first", "last", "mean"] | None = _help(
        "classify: what speaks for a text; null: of a fresh encoder all tokens, else as the family is published"
    )
    packing: Literal["blocks", "texts"] = _help(
        "causal-lm, span-corruption: documents laid end to end and cut, or each by itself", "blocks"
    )
    mask_share: float = _help("masked-lm: the share of tokens to be guessed", 0.15)
    whole_words: bool = _help("masked-lm: mask all pieces of a word together", False)
    sentences: Literal["next", "order"] | None = _help("masked-lm: also tell whether two passages belong together")
    noise_density: float = _help("span-corruption: the share of tokens taken out", 0.15)
    mean_span_length: float = _help("span-corruption: tokens of a gap, on average", 3.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """What is trained. null takes the value of the family's size (`headway families`)."""

    init: str | None = _help("a trained model to start from: a run, a folder or a hub id; gives family and sizes")
    family: Literal[
        "vaswani",
        "rnn",
        "gru",
        "lstm",
        "bert",
        "roberta",
        "gpt2",
        "bloom",
        "t5",
        "llama",
        "qwen2",
        "elmo",
        "awd_lstm",
        "text_cnn",
    ] = _help("the kind of model", "vaswani")
    size: str = _help("a row of the family's table: tiny, base, big", "tiny")
    num_layers: int | None = _help("layers of the encoder, and of the decoder")
    decoder_layers: int | None = _help("layers of the decoder, where they differ")
    d_model: int | None = _help("width")
    d_ff: int | None = _help("width inside the feed-forward")
    d_cell: int | None = _help("width of the cells of elmo and awd_lstm")
    num_heads: int | None = _help("attention heads; they divide the width")
    dropout: float | None = _help("after embeddings and sublayers")
    attention_dropout: float | None = _help("of attention probabilities; slow on a CPU")
    activation_dropout: float | None = _help("inside the feed-forward")
    norm_order: Literal["pre", "post", "pre_normed"] | None = _help(
        "norm before (Xiong 2020) or after (Vaswani 2017) a sublayer"
    )
    position: Literal["none", "sinusoidal", "learned", "rotary", "alibi", "relative"] | None = _help("position scheme")
    activation: Literal["relu", "gelu", "gelu_tanh", "silu"] | None = _help("of the feed-forward")
    bias: bool | None = _help("of linear layers, in gpt2 and bloom")
    max_length: int | None = _help("the most positions")
    tied: Literal["all", "decoder", "none"] | None = _help("which embeddings and head share one table")
    attention: Literal["none", "dot", "additive"] | None = _help("recurrent families: how the decoder looks back")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """How long and how fast it learns."""

    max_steps: int | None = _help("optimizer steps")
    max_epochs: int | None = _help("passes over the training rows")
    max_minutes: float | None = _help("wall-clock minutes of the whole training; the schedule ends there")
    batch_tokens: int = _help("padded tokens, source and target, of one optimizer step", 5000)
    accumulation: int = _help("parts a step is computed in, to save memory", 1)
    schedule: Literal["noam", "inverse_sqrt", "cosine", "linear", "slanted_triangular", "constant"] = _help(
        "course of the rate", "inverse_sqrt"
    )
    learning_rate: float = _help("the highest rate; for noam the factor before the paper's formula", 1e-3)
    warmup_steps: int = _help("steps of linear rise", 1000)
    rate_decay: float = _help("by how much slower each layer learns than the one above it; 1: all alike", 1.0)
    frozen: int = _help(
        "how many of the lowest groups do not learn: what reads the tokens is the first, then each layer; -1: all but "
        "the head",
        0,
    )
    gradual_unfreezing: bool = _help("the top layer learns alone at first, and each epoch one more", False)
    beta2: float = _help("decay of the second moment of Adam", 0.98)
    weight_decay: float = _help("decoupled weight decay, of matrices only", 0.0)
    clip_norm: float = _help("the longest gradient; 0 leaves it as it is", 1.0)
    label_smoothing: float = _help("share of probability spread over the whole vocabulary", 0.1)
    dtype: Literal["auto", "float32", "bfloat16"] = _help("of the arithmetic; auto: bfloat16 where it is fast", "auto")
    activation_checkpointing: bool = _help("recompute each block in the backward pass, to save memory", False)
    average_last: int = _help("average the weights of this many last checkpoints; 0 or 1: none", 0)
    ema_decay: float = _help("keep an exponential average of the weights, such as 0.999; 0: none", 0.0)
    validate_every: int = _help("steps between validations; 0: each epoch", 0)
    validation_bleu: bool = _help("translate the validation rows, greedily, and score them", True)
    validation_rows: int = _help("how many validation rows are translated, labelled or answered", 1000)
    best_by: Literal["loss", "score"] = _help(
        "what tells the best validation: its loss, or its accuracy, F1, correlation or BLEU", "loss"
    )
    checkpoint_every: int = _help("steps between checkpoints; 0: each epoch", 0)
    keep_checkpoints: int = _help("how many last checkpoints stay, beside the best", 2)
    patience: int = _help("stop after this many validations that are no better; 0: never", 0)
    log_every: int = _help("steps between rows of metrics.jsonl", 20)
    threads: int = _help("CPU threads; 0: as torch chooses", 0)
    parallel: Literal["ddp", "fsdp"] = _help(
        "with several processes: each holds the whole model, or a part of each block", "ddp"
    )
    tensorboard: bool = _help("write TensorBoard events (pip install 'headway[track]')", False)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraConfig:
    """Thin matrices that learn beside the weights of `model.init` (Hu et al. 2022); pip install 'headway[lora]'."""

    rank: int = _help("their width; 0: there are none, and all weights learn", 0)
    alpha: float = _help("what they add is multiplied by this over the rank", 16.0)
    dropout: float = _help("of what they read", 0.0)
    targets: str | None = _help("linear layers of the blocks, parted by commas; null: query,value")


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodingConfig:
    """How the trained model is asked for its answer."""

    beam: int = _help("hypotheses kept; 1: greedy", 5)
    length_norm: str = _help("none, avg, gnmt:ALPHA or power:ALPHA", "avg")
    stop: Literal["first", "bound", "never"] = _help("when a search may end", "bound")
    batch_tokens: int = _help("padded tokens of one decoding batch", 4000)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """A whole run."""

    task: Literal[
        "translate", "classify", "tag", "answer", "causal-lm", "masked-lm", "span-corruption", "bidirectional-lm"
    ] = _help("what is learned", "translate")
    seed: int = _help("of every random draw", 1)
    device: Literal["auto", "cpu", "cuda", "mps"] = _help("where it runs", "auto")
    data: DataConfig = DataConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig()
    lora: LoraConfig = LoraConfig()
    decoding: DecodingConfig = DecodingConfig()
