"""What a run is: one frozen, typed `RunConfig`, its keys in `keys.py` and its way in and out of YAML in `reading.py`.

Nothing below `runs` but `load` sees a `RunConfig`: builders take plain arguments.
"""

from headway.config.keys import (
    ColumnsConfig,
    DataConfig,
    DecodingConfig,
    LoraConfig,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TokenizerConfig,
    TrainingConfig,
)
from headway.config.reading import (
    build_config,
    differences,
    fields,
    load_recipe,
    parse_overrides,
    read_config,
    read_values,
    recipes,
    to_yaml,
)

__all__ = [
    "ColumnsConfig",
    "DataConfig",
    "DecodingConfig",
    "LoraConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "RunConfig",
    "TokenizerConfig",
    "TrainingConfig",
    "build_config",
    "differences",
    "fields",
    "load_recipe",
    "parse_overrides",
    "read_config",
    "read_values",
    "recipes",
    "to_yaml",
]
