import json

import pytest

from headway.errors import CheckpointError, ConfigError
from headway.models import build
from headway.models.families import FAMILIES
from headway.models.recurrent import RecurrentEncoderDecoder
from headway.models.transformer import EncoderDecoder
from headway.spec import RecurrentSpec, from_json, to_json

SIZES = [(family, size) for family, sizes in FAMILIES.items() for size in sizes]


@pytest.mark.parametrize(("family", "size"), SIZES)
def test_every_size_of_every_family_survives_json(family: str, size: str) -> None:
    spec = FAMILIES[family][size].spec(100, 100)
    assert spec.family == family
    assert from_json(json.loads(json.dumps(to_json(spec)))) == spec


@pytest.mark.parametrize("family", FAMILIES)
def test_a_spec_builds_the_model_of_its_kind(family: str) -> None:
    spec = FAMILIES[family]["tiny"].spec(100, 100)
    model = build(spec)
    assert isinstance(model, RecurrentEncoderDecoder if isinstance(spec, RecurrentSpec) else EncoderDecoder)
    assert model.spec == spec
    assert model.head.weight.shape == (100, 256)


def test_a_spec_names_the_key_it_does_not_know() -> None:
    data = to_json(FAMILIES["lstm"]["tiny"].spec(100, 100))
    with pytest.raises(CheckpointError, match="'conv'"):
        from_json(data | {"cell": "conv"})
    with pytest.raises(CheckpointError, match="peephole"):
        from_json(data | {"peephole": True})


def test_two_vocabularies_need_two_tables() -> None:
    with pytest.raises(ConfigError, match="the source has 100 and the target 90"):
        FAMILIES["gru"]["tiny"].spec(100, 90)
