"""What stands around a text for its model: `[CLS] a [SEP] b [SEP]`, `<s> a </s></s> b </s>`, `a </s>`, or nothing.

A template is the `post_processor` of a `tokenizer.json`. It is read by handing the library two texts of one piece and
looking at where they end up, so every kind of processor, and any sequence of them, is understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tokenizers import PreTokenizedString, Token, processors
from tokenizers import Tokenizer as RustTokenizer


class Wrapped(NamedTuple):
    """One or two texts as their model wants them.

    `token_types` is 0 or 1 for every id, as the second input of BERT. `first_start` and `second_start` are the places
    in `ids` where the texts begin; `None` without a second text.
    """

    ids: list[int]
    token_types: list[int]
    first_start: int
    second_start: int | None


class Slot(NamedTuple):
    """A place in a template: for a special piece (`text` is `None`), or for the first (0) or second (1) text."""

    text: int | None
    id: int
    token_type: int


class Template(NamedTuple):
    """The places around one text and around two."""

    single: tuple[Slot, ...] = (Slot(0, 0, 0),)
    pair: tuple[Slot, ...] = (Slot(0, 0, 0), Slot(1, 0, 1))

    def wrap(self, first: Sequence[int], second: Sequence[int] | None) -> Wrapped:
        """Puts the ids of one or two texts into their places."""
        ids: list[int] = []
        types: list[int] = []
        starts: dict[int, int] = {}
        for text, index, token_type in self.single if second is None else self.pair:
            part: Sequence[int] = [index]
            if text is not None:
                starts.setdefault(text, len(ids))
                part = first if text == 0 else second or []
            ids += part
            types += [token_type] * len(part)
        return Wrapped(ids, types, starts.get(0, 0), starts.get(1, 0) if second is not None else None)

    def cost(self, pair: bool) -> int:
        """How many special pieces are added."""
        return sum(slot.text is None for slot in (self.pair if pair else self.single))


def read_template(rust: RustTokenizer) -> Template:
    """The template of a tokenizer."""
    processor = rust.post_processor
    if processor is None:
        return Template()
    text = PreTokenizedString("a")
    text.tokenize(lambda _: [Token(0, "a", (0, 1))])
    piece = text.to_encoding()
    return Template(_slots(processor.process(piece, None, True)), _slots(processor.process(piece, piece, True)))


def _slots(encoding: Any) -> tuple[Slot, ...]:
    entries = zip(encoding.sequence_ids, encoding.ids, encoding.type_ids, strict=True)
    return tuple(Slot(text, index if text is None else 0, token_type) for text, index, token_type in entries)


def around(single: str, pair: str, named: Mapping[str, str], rust: RustTokenizer) -> processors.TemplateProcessing:
    """A template for `rust.post_processor` in its usual notation (`"{cls_token}:0 $A:0 {sep_token}:0"`).

    Raises:
        ValueError: a piece of the template is not in the vocabulary.
    """
    single, pair = (" ".join(text.format(**named).split()) for text in (single, pair))
    names = sorted({part.rpartition(":")[0] for part in f"{single} {pair}".split() if not part.startswith("$")})
    pieces = [(name, rust.token_to_id(name)) for name in names]
    missing = [name for name, index in pieces if index is None]
    if missing:
        raise ValueError(f"its vocabulary has no {' and no '.join(missing)}, which stands around every text")
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=pieces)


def with_one_type(definition: bytes) -> bytes:
    """The definition with token type 0 everywhere: for a model that has no second type, though its tokenizer does."""
    if not re.search(rb'"type_id":\s*[1-9]|"BertProcessing"', definition):
        return definition
    content = json.loads(definition)
    content["post_processor"] = _one_type(content.get("post_processor"))
    return json.dumps(content, ensure_ascii=False).encode()


def _one_type(part: Any) -> Any:
    if isinstance(part, list):
        return [_one_type(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") == "BertProcessing":
        (sep, sep_id), (cls, cls_id) = part["sep"], part["cls"]
        ends = {name: {"id": name, "ids": [index], "tokens": [name]} for name, index in ((sep, sep_id), (cls, cls_id))}
        first = [_place("SpecialToken", cls), _place("Sequence", "A"), _place("SpecialToken", sep)]
        second = [_place("Sequence", "B"), _place("SpecialToken", sep)]
        return {"type": "TemplateProcessing", "single": first, "pair": first + second, "special_tokens": ends}
    return {key: 0 if key == "type_id" else _one_type(inner) for key, inner in part.items()}


def _place(kind: str, name: str) -> dict[str, Any]:
    return {kind: {"id": name, "type_id": 0}}
