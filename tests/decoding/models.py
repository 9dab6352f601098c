"""Tiny models, ours and those of transformers, with the same weights."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from headway.checkpoints.native import fill
from headway.checkpoints.rename import to_ours
from headway.models.build import build
from headway.models.families import bloom, gpt2, marian, t5
from headway.models.single import SingleStack
from headway.models.transformer import EncoderDecoder

VOCABULARY, PAD, END = 41, 40, 0


def twins(seed: int, end_bias: float = 2.0) -> tuple[EncoderDecoder, object]:
    """Weights are drawn wide, so that results differ, and the end token is made likely enough to come early."""
    import transformers

    config = transformers.MarianConfig(
        vocab_size=VOCABULARY, d_model=16, encoder_ffn_dim=24, decoder_ffn_dim=24, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=64, pad_token_id=PAD,
        eos_token_id=END, bos_token_id=None, decoder_start_token_id=PAD, forced_eos_token_id=None, scale_embedding=True,
    )  # fmt: skip
    torch.manual_seed(seed)
    theirs = transformers.MarianMTModel(config).eval()
    for name, weight in theirs.named_parameters():
        if "layer_norm" not in name and "embed_positions" not in name:
            torch.nn.init.normal_(weight, std=0.3)
    theirs.final_logits_bias[0, END] = end_bias
    ours = EncoderDecoder(marian.spec(config.to_dict())).eval()
    rows = marian.keys(ours.spec)
    wanted = {row.theirs for row in rows}  # the rest are copies of the embedding, and sinusoids
    tensors = {name: tensor for name, tensor in theirs.state_dict().items() if name in wanted}
    fill(ours, to_ours(tensors, rows, Path()), Path())
    return ours, theirs


def decoder_twins(kind: str, seed: int) -> tuple[SingleStack, Any]:
    """GPT-2 (learned positions, 48 of them) or BLOOM (ALiBi); the end token is made likely as above."""
    import transformers

    if kind == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=VOCABULARY, n_positions=48, n_embd=16, n_layer=2, n_head=2, bos_token_id=END, eos_token_id=END,
            pad_token_id=PAD,
        )  # fmt: skip
        theirs, family = transformers.GPT2LMHeadModel(config).eval(), gpt2
    else:
        config = transformers.BloomConfig(
            vocab_size=VOCABULARY, hidden_size=16, n_layer=2, n_head=2, bos_token_id=END, eos_token_id=END,
            pad_token_id=PAD,
        )  # fmt: skip
        theirs, family = transformers.BloomForCausalLM(config).eval(), bloom
    redraw(theirs, seed)
    with torch.no_grad():
        bias = theirs.transformer.ln_f.bias.normal_(std=0.5)
        theirs.get_input_embeddings().weight[END] += 2.0 * bias / bias.square().sum()
    return copied(theirs, family), theirs


def t5_twins(seed: int) -> tuple[EncoderDecoder, Any]:
    """A T5, whose end token is 1 and whose start token is its padding, 0."""
    import transformers

    config = transformers.T5Config(
        vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, tie_word_embeddings=False,
        decoder_start_token_id=0,
    )  # fmt: skip
    theirs = transformers.T5ForConditionalGeneration(config).eval()
    redraw(theirs, seed)
    return copied(theirs, t5), theirs


def redraw(theirs: Any, seed: int) -> None:
    """Weights wide enough for outputs to differ."""
    torch.manual_seed(seed)
    for name, weight in theirs.named_parameters():
        if "ln_" not in name and "layer_norm" not in name and "layernorm" not in name:
            nn.init.normal_(weight, std=0.4)


def copied(theirs: Any, family: Any) -> Any:
    """Our model with the weights of theirs."""
    ours = build(family.spec(theirs.config.to_dict(), type(theirs).__name__)).eval()
    rows = family.keys(ours.spec)
    wanted = {row.theirs for row in rows}
    tensors = {name: tensor for name, tensor in theirs.state_dict().items() if name in wanted}
    fill(ours, to_ours(tensors, rows, Path()), Path())
    return ours


def sources(seed: int, count: int = 3, longest: int = 9) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest, (count,), generator=generator).tolist()
    return [[*torch.randint(1, PAD, (length,), generator=generator).tolist(), END] for length in lengths]
