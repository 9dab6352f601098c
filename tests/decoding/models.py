"""Tiny Marian models, ours and the one of transformers, with the same weights."""

from pathlib import Path

import torch

from headway.checkpoints.native import fill
from headway.checkpoints.rename import to_ours
from headway.models.families import marian
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


def sources(seed: int, count: int = 3, longest: int = 9) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest, (count,), generator=generator).tolist()
    return [[*torch.randint(1, PAD, (length,), generator=generator).tolist(), END] for length in lengths]
