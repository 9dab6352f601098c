"""The parameters of a model by height, for those who teach upper layers faster than lower ones."""

from __future__ import annotations

import re

from torch import nn

_LAYER = re.compile(r".*\b(?:blocks|layers)\.\d+(?=\.)")
_READS = re.compile(r"\b(?:tokens|types|position|embedding_norm|characters)\.")


def layer_groups(model: nn.Module) -> list[list[nn.Parameter]]:
    """Groups from the bottom to the top: what reads the tokens, layer after layer, what stands on them.

    A table that the head shares goes with the head. Of two stacks the encoder is below the decoder.
    """
    groups: dict[nn.Parameter, str] = {}  # of one with several names the last counts
    layers: dict[str, None] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        layer = _LAYER.match(name)
        if layer is not None:
            layers[layer[0]] = None
            groups[parameter] = layer[0]
        else:
            groups[parameter] = "below" if _READS.search(name) else "above"
    heights = ("below", *layers, "above")
    found = [[parameter for parameter, group in groups.items() if group == height] for height in heights]
    return [group for group in found if group]
