"""The places and the names of the grammar."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Somewhere to be: "at the library" / 도서관; a city takes no article."""

    english: str
    preposition: str
    korean: str
    groups: frozenset[str]

    @property
    def at(self) -> str:
        """The English of being there."""
        return f"{self.preposition} {self.english}"


# english | preposition ("" for a city: in, no article) | korean | groups
_PLACES = """
library | at | 도서관 | study public
school | at | 학교 | study work public
park | in | 공원 | outside eat public
garden | in | 정원 | outside garden
market | at | 시장 | shop public
department store | at | 백화점 | shop public
bookstore | at | 서점 | books public
bakery | at | 빵집 | bakery public
restaurant | at | 식당 | eat serve work public
cafe | at | 카페 | eat serve study public
kitchen | in | 부엌 | cook inside eat
living room | in | 거실 | home inside
bedroom | in | 침실 | home inside
classroom | in | 교실 | study inside
office | in | 사무실 | work inside
hospital | at | 병원 | work public
bank | at | 은행 | work public
post office | at | 우체국 | mail work public
station | at | 역 | travel public
airport | at | 공항 | travel work public
museum | at | 박물관 | work public
theater | at | 극장 | show public
zoo | at | 동물원 | work public
beach | at | 해변 | outside swim public
farm | on | 농장 | garden work public
playground | on | 운동장 | outside sport public
Seoul | | 서울 | city
Busan | | 부산 | city
Daegu | | 대구 | city
Incheon | | 인천 | city
Gwangju | | 광주 | city
Jeju | | 제주 | city island
Paris | | 파리 | city abroad
London | | 런던 | city abroad
Tokyo | | 도쿄 | city abroad
Berlin | | 베를린 | city abroad
"""

_NAMES = """
Mina 미나 | Junho 준호 | Sumin 수민 | Jihoon 지훈 | Yuna 유나 | Minho 민호
Eunji 은지 | Somi 소미 | Dohyun 도현 | Jisu 지수 | Hyunwoo 현우 | Yejin 예진
Sora 소라 | Kyungmin 경민 | Boram 보람 | Jaemin 재민 | Seojun 서준 | Areum 아름
Minseok 민석 | Jinuk 진욱 | Anna 안나 | Tom 톰 | Paul 폴 | Emma 에마
Maria 마리아 | Jack 잭 | Peter 피터 | Sam 샘 | Ben 벤 | Daniel 대니얼
"""


def _place(row: str) -> Place:
    english, preposition, korean, groups = (cell.strip() for cell in row.split("|"))
    return Place(f"the {english}" if preposition else english, preposition or "in", korean, frozenset(groups.split()))


PLACES: tuple[Place, ...] = tuple(map(_place, _PLACES.strip().split("\n")))
NAMES: tuple[tuple[str, str], ...] = tuple(
    (english, korean)
    for english, korean in (name.split() for name in _NAMES.replace("\n", "|").split("|") if name.strip())
)


def places(query: str) -> tuple[Place, ...]:
    """The places in any of the named groups; a word that is no group names a place ("_" for a space).

    >>> [place.at for place in places("swim living_room")]
    ['in the living room', 'at the beach']
    """
    wanted = {word.replace("_", " ") for word in query.split()}
    return tuple(place for place in PLACES if place.groups & wanted or place.english.removeprefix("the ") in wanted)
