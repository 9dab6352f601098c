"""The encoder-decoder Transformer (Vaswani et al. 2017), from a `TransformerSpec`."""

from __future__ import annotations

from torch import Tensor, nn

from headway.models.heads import LanguageHead
from headway.models.inputs import check_ids
from headway.models.protocols import Output
from headway.nn.cache import Cache, RowCache
from headway.nn.init import initialise
from headway.nn.masks import Layout
from headway.nn.slots import cache_of
from headway.nn.stack import Memory, Stack
from headway.spec import TransformerSpec


class EncoderDecoder(nn.Module):
    """Two stacks and a projection to the vocabulary."""

    def __init__(self, spec: TransformerSpec) -> None:
        super().__init__()
        self.spec = spec
        source = nn.Embedding(spec.encoder.vocab_size, spec.encoder.d_model)
        target = source if spec.shared_embedding else nn.Embedding(spec.decoder.vocab_size, spec.decoder.d_model)
        self.encoder, self.decoder = Stack(spec.encoder, source), Stack(spec.decoder, target)
        self.head = LanguageHead(spec.head, spec.decoder.d_model, target)
        initialise(self, spec.init, spec.decoder.d_model)

    def encode(self, ids: Tensor, layout: Layout | None = None) -> Memory:
        """Source ids, a token tensor of `layout` → the memory the decoder looks at."""
        layout = layout or Layout.padded(ids)
        return Memory(self.encoder(ids, layout), layout)

    def decode(self, ids: Tensor, layout: Layout | None, memory: Memory, cache: Cache | None = None) -> Tensor:
        """Target ids, a token tensor of `layout` → hidden states `(..., d_model)`."""
        states: Tensor = self.decoder(ids, layout, memory=memory, cache=cache)
        return states

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Output:
        """Padded ids `(batch, length)` in; masks are True or 1 at real tokens.

        Without `decoder_input_ids` the decoder reads the start token alone.

        Raises:
            ConfigError: a shape is another one, or an id is outside its table.
        """
        check_ids("input_ids", input_ids, self.spec.encoder.vocab_size)
        check_ids("decoder_input_ids", decoder_input_ids, self.spec.decoder.vocab_size)
        memory = self.encode(input_ids, Layout.padded(input_ids, attention_mask))
        if decoder_input_ids is None:
            decoder_input_ids = input_ids.new_full((len(input_ids), 1), self.spec.tokens.start_id)
        states = self.decode(decoder_input_ids, Layout.padded(decoder_input_ids, decoder_attention_mask), memory)
        return Output(self.head(states), states, encoder_last_hidden_state=memory.states)

    def start(self, memory: Memory, capacity: int | None = None) -> TransformerState:
        """An empty cache, with `capacity` slots a row or growing, before the first target token."""
        return TransformerState(memory, cache_of(self.spec.decoder.num_layers, capacity))

    def step(self, ids: Tensor, state: TransformerState, layout: Layout | None = None) -> Tensor:
        """Logits `(rows, vocabulary)` of the token after the last of `ids` `(rows, new tokens)`."""
        states = self.decode(ids, layout, state.memory, state.cache)
        logits: Tensor = self.head(states[:, -1])
        return logits


class TransformerState:
    """The memory, one row a sentence, and the cache, one row a hypothesis."""

    def __init__(self, memory: Memory, cache: RowCache) -> None:
        self.memory, self.cache = memory, cache

    def reorder(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Row i becomes what row `rows[i]` was; memory keys are kept once a sentence and only move with it."""
        self.cache.reorder(rows)
        if sentences is not None:
            self.memory = self.memory.select(sentences)
            self.cache.select_memory(sentences)
