"""The names of length norms and what they divide by."""

import pytest

from headway.decoding.hypotheses import LengthNorm
from headway.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "divisors"),
    [
        ("none", [1, 1, 1]),
        ("avg", [1, 2, 9]),
        ("power:0.5", [1, 2**0.5, 3]),
        ("power:-1", [1, 1 / 2, 1 / 9]),
        ("gnmt:1", [1, 7 / 6, 14 / 6]),
        ("gnmt:0.6", [1, (7 / 6) ** 0.6, (14 / 6) ** 0.6]),
    ],
)
def test_divisors(name: str, divisors: list[float]) -> None:
    norm = LengthNorm.parse(name)
    assert [norm(length) for length in (1, 2, 9)] == pytest.approx(divisors)
    assert norm.table(9)[[1, 2, 9]].tolist() == pytest.approx(divisors)


def test_a_norm_that_leaves_the_range_of_numbers_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected -5 to 5"):
        LengthNorm.parse("power:1000")


@pytest.mark.parametrize("name", ["", "gnm:1", "gnmt", "gnmt:", "power:x", "power:nan", "avg:1", "none:", "power:inf"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="none, avg, gnmt:ALPHA, power:ALPHA"):
        LengthNorm.parse(name)
