"""Models of transformers at toy size, their weights drawn so that every one of them matters, and ours beside them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import MarianConfig, MarianMTModel

from headway.checkpoints.native import fill
from headway.checkpoints.rename import to_ours
from headway.models.families import marian
from headway.models.transformer import EncoderDecoder
from headway.nn.attention import Attention

TOLERANCE = 2e-6  # largest difference, as a share of the largest output: float32 rounding and nothing else

VARIANTS = {
    "shared": {"activation_function": "swish", "scale_embedding": True},
    "two-vocabularies": {
        "activation_function": "gelu",
        "decoder_vocab_size": 71,
        "share_encoder_decoder_embeddings": False,
    },
    "untied": {
        "activation_function": "relu",
        "share_encoder_decoder_embeddings": False,
        "tie_word_embeddings": False,
        "scale_embedding": True,
    },
}


def marian_twin(std: float = 0.3, variant: str = "shared", **options: object) -> MarianMTModel:
    """A Marian of transformers; matrices and biases N(0, std), norm gains 1 ± 0.1."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 99, "d_model": 32, "max_position_embeddings": 40, "pad_token_id": 3, "eos_token_id": 0}
    encoder = {"encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 48}
    decoder = {"decoder_layers": 3, "decoder_attention_heads": 2, "decoder_ffn_dim": 40, "decoder_start_token_id": 3}
    twin = MarianMTModel(MarianConfig(**sizes, **encoder, **decoder, **VARIANTS[variant], **options)).eval()
    with torch.no_grad():
        for name, weight in twin.named_parameters():
            if "layer_norm.weight" in name:
                weight.uniform_(0.9, 1.1)
            elif "embed_positions" not in name:
                weight.normal_(std=std)
        twin.final_logits_bias.normal_(std=std)
    return twin


def ours_of(twin: MarianMTModel) -> EncoderDecoder:
    """Our model with the weights of `twin`."""
    model = EncoderDecoder(marian.spec(twin.config.to_dict()))
    rows, state = marian.keys(model.spec), twin.state_dict()
    fill(model, to_ours({row.theirs: state[row.theirs] for row in rows}, rows, "the twin"), "the twin")
    return model.eval()


def difference(ours: Tensor, theirs: Tensor, keep: Tensor | None = None) -> float:
    """Largest difference as a share of the largest output, at the tokens to `keep` `(batch, length)`."""
    if keep is not None:
        ours, theirs = ours[keep.bool()], theirs[keep.bool()]
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Source ids and mask, target ids and mask; odd lengths, uneven right padding."""
    generator = torch.Generator().manual_seed(1)
    source, target = (torch.randint(4, 71, (3, length), generator=generator) for length in (11, 9))
    source_mask = (torch.arange(11) < torch.tensor([[11], [8], [5]])).long()
    target_mask = (torch.arange(9) < torch.tensor([[9], [4], [7]])).long()
    return source, source_mask, target, target_mask


def to_left(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The same rows with their padding on the left."""
    order = mask.argsort(stable=True)
    return ids.gather(1, order), mask.gather(1, order)


def attentions(model: nn.Module) -> list[Attention]:
    """Every attention of ours."""
    return [module for module in model.modules() if isinstance(module, Attention)]
