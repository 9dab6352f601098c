"""The recurrent encoder-decoder, with attention and without, from a `RecurrentSpec`: what came before the Transformer.

Sutskever et al. 2014 and Cho et al. 2014 without attention, Bahdanau et al. 2015 and Luong et al. 2015 with it.
"""

from __future__ import annotations

from torch import Tensor, nn

from headway.models.heads import LanguageHead
from headway.models.inputs import check_ids
from headway.models.protocols import Output
from headway.nn.attention import KeyValue
from headway.nn.dropout import Dropout
from headway.nn.init import initialise
from headway.nn.linear import Linear
from headway.nn.masks import Layout, Mask
from headway.nn.recurrent import Alignment, Hidden, RecurrentStack, initialise_cells, summary
from headway.nn.stack import Memory
from headway.spec import InitSpec, RecurrentSpec


class RecurrentEncoderDecoder(nn.Module):
    """Two recurrent stacks, a bridge between them, perhaps an alignment, and a projection to the vocabulary."""

    def __init__(self, spec: RecurrentSpec) -> None:
        super().__init__()
        self.spec = spec
        d_model, layers, rate = spec.d_model, spec.num_layers, spec.dropout
        source = nn.Embedding(spec.source_vocab_size, d_model)
        target = source if spec.shared_embedding else nn.Embedding(spec.target_vocab_size, d_model)
        self.encoder = RecurrentStack(spec.cell, source, layers, bidirectional=spec.bidirectional, dropout=rate)
        self.bridge = Linear(d_model, layers * d_model)
        self.decoder = RecurrentStack(spec.cell, target, layers, dropout=rate)
        self.attention = None if spec.attention == "none" else Alignment(spec.attention, d_model)
        self.dropout = Dropout(rate)
        self.head = LanguageHead(spec.head, d_model, target)
        initialise(self, InitSpec(), d_model)
        for module in self.modules():
            if isinstance(module, nn.RNNBase):
                initialise_cells(module)

    def encode(self, ids: Tensor, layout: Layout | None = None) -> Memory:
        """Source ids, a token tensor of `layout` → the memory the decoder looks at."""
        layout = layout or Layout.padded(ids)
        return Memory(self.encoder(ids, layout)[0], layout)

    def decode(self, ids: Tensor, layout: Layout | None, memory: Memory) -> Tensor:
        """Target ids, a token tensor of `layout` → hidden states `(..., d_model)`."""
        return self._decode(ids, layout or Layout.padded(ids), memory.layout, self._kv(memory), self._bridge(memory))[0]

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
        check_ids("input_ids", input_ids, self.spec.source_vocab_size)
        check_ids("decoder_input_ids", decoder_input_ids, self.spec.target_vocab_size)
        memory = self.encode(input_ids, Layout.padded(input_ids, attention_mask))
        if decoder_input_ids is None:
            decoder_input_ids = input_ids.new_full((len(input_ids), 1), self.spec.tokens.start_id)
        states = self.decode(decoder_input_ids, Layout.padded(decoder_input_ids, decoder_attention_mask), memory)
        return Output(self.head(states), states, encoder_last_hidden_state=memory.states)

    def start(self, memory: Memory, capacity: int | None = None) -> RecurrentState:
        """The state before the first target token: one row a sentence, of the same size at any length."""
        return RecurrentState(memory.layout, self._kv(memory), self._bridge(memory))

    def step(self, ids: Tensor, state: RecurrentState, layout: Layout | None = None) -> Tensor:
        """Logits `(rows, vocabulary)` of the token after the last of `ids` `(rows, new tokens)`."""
        state.widen(len(ids))
        layout = layout or Layout.padded(ids)
        states, state.hidden = self._decode(ids, layout, state.memory, state.kv, state.hidden)
        logits: Tensor = self.head(states[:, -1])
        return logits

    def _decode(
        self, ids: Tensor, layout: Layout, memory: Layout, kv: KeyValue | None, hidden: Hidden
    ) -> tuple[Tensor, Hidden]:
        states, hidden = self.decoder(ids, layout, hidden)
        if self.attention is not None and kv is not None:
            keep = None if memory.keep is None else memory.keep[:, None, None]
            states = self.attention(states, kv, Mask.build(layout, memory, keep=keep))
        return self.dropout(states), hidden

    def _kv(self, memory: Memory) -> KeyValue | None:
        return None if self.attention is None else self.attention.project_kv(memory.states)

    def _bridge(self, memory: Memory) -> Hidden:
        """s_0 = tanh(W h), of the state after reading the source (Bahdanau et al. 2015, appendix A.2.2).

        An LSTM's cell is what stands inside the tanh, as if its output gate were open: h_0 = tanh(c_0).
        """
        cell = self.bridge(summary(memory.states, memory.layout, self.spec.bidirectional))  # (rows, layers · d_model)
        cell = cell.unflatten(-1, (self.spec.num_layers, -1)).transpose(0, 1).contiguous()  # (layers, rows, d_model)
        return (cell.tanh(), cell) if self.spec.cell == "lstm" else (cell.tanh(),)


class RecurrentState:
    """Keys and values, one row a sentence, and the hidden state, one row a hypothesis."""

    def __init__(self, memory: Layout, kv: KeyValue | None, hidden: Hidden) -> None:
        self.memory, self.kv, self.hidden = memory, kv, hidden

    def widen(self, rows: int) -> None:
        """Before the first token: as many rows as the hypotheses need, those of a sentence next to each other."""
        if rows != self.hidden[0].shape[1]:
            self.hidden = tuple(part.repeat_interleave(rows // part.shape[1], 1) for part in self.hidden)

    def reorder(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Row i becomes what row `rows[i]` was; keys are kept once a sentence and only move with it."""
        self.hidden = tuple(part.index_select(1, rows) for part in self.hidden)
        if sentences is not None:
            self.memory = self.memory.select(sentences)
            if self.kv is not None:
                self.kv = self.kv[0].index_select(0, sentences), self.kv[1].index_select(0, sentences)
