"""The nouns of the grammar: English, Korean, how they are counted and what they can be used for."""

from __future__ import annotations

from dataclasses import dataclass

from headway.data.grammar.english import plural
from headway.data.grammar.places import PLACES, Place


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """One noun.

    Args:
        english: the singular, or the only form it has.
        plural: the plural ("" where it has none).
        korean: its translation, which has no plural.
        kind: "count" (a book), "mass" (milk), "pair" (shoes, always plural), "bare" (soccer, never with an article),
            "the" (the kitchen, always with it) or "kin" (my cousin).
        counter: the Korean counter ("" where the grammar never counts it).
        measure: the English word that counts it, such as "cup" in three cups of coffee; "" where the plural does.
        groups: the semantic classes that verbs and adjectives ask for.
    """

    english: str
    plural: str
    korean: str
    kind: str
    counter: str
    measure: str
    groups: frozenset[str]

    @property
    def many(self) -> str:
        """The form that means some or all of them: books, milk, shoes."""
        return self.plural or self.english

    def counted(self, number: int, word: str) -> str:
        """The English of a number of them: three books, one cup of tea, two pairs of shoes."""
        if not self.measure:
            return f"{word} {self.english if number == 1 else self.plural}"
        return f"{word} {self.measure if number == 1 else plural(self.measure)} of {self.many}"


# english | korean | counter [measure] | groups. "~" mass, "=" bare, "+" pair, "!" kin; "x/y" gives an irregular plural.
_NOUNS = """
apple | 사과 | 개 | fruit orchard
pear | 배 | 개 | fruit orchard
orange | 오렌지 | 개 | fruit orchard
peach | 복숭아 | 개 | fruit orchard
banana | 바나나 | 개 | fruit
melon | 멜론 | 개 | fruit
strawberry | 딸기 | 개 | fruit orchard
tomato/tomatoes | 토마토 | 개 | fruit orchard
potato/potatoes | 감자 | 개 | vegetable boil
onion | 양파 | 개 | vegetable raw
carrot | 당근 | 개 | vegetable
cucumber | 오이 | 개 | vegetable
egg | 달걀 | 개 | boil grocery
sweet potato/sweet potatoes | 고구마 | 개 | vegetable boil
~bread | 빵 | | baked slice
cookie | 쿠키 | 개 | baked
~cake | 케이크 | 조각 piece | baked slice
~pizza | 피자 | 조각 piece | dish slice
sandwich | 샌드위치 | 개 | dish slice
hamburger | 햄버거 | 개 | dish
dumpling | 만두 | 개 | dish
~rice | 밥 | 그릇 bowl | dish bowl
~soup | 수프 | 그릇 bowl | dish bowl
+noodles | 국수 | 그릇 bowl | dish bowl
~salad | 샐러드 | 그릇 bowl | dish
~chocolate | 초콜릿 | | sweets
~coffee | 커피 | 잔 cup | drink hot
~tea | 차 | 잔 cup | drink hot
~milk | 우유 | 잔 glass | drink
~water | 물 | 잔 glass | drink
~juice | 주스 | 병 bottle | drink
~wine | 와인 | 병 bottle | drink
~beer | 맥주 | 병 bottle | drink
book | 책 | 권 | text shop lend printed
novel | 소설 | 권 | text shop printed writing
magazine | 잡지 | 권 | text shop printed
comic book | 만화책 | 권 | text shop lend printed
dictionary | 사전 | 권 | shop lend printed tool
notebook | 공책 | 권 | shop stationery
newspaper | 신문 | 부 | text printed
report | 보고서 | 부 | text writing
letter | 편지 | 통 | text writing mail
email | 이메일 | 통 | text writing send
postcard | 엽서 | 장 | text shop writing mail
poem | 시 | 편 | text writing
map | 지도 | 장 | shop lend draw hang show
ticket | 표 | 장 | shop lost show
photo | 사진 | 장 | hang show mail
stamp | 우표 | 장 | shop
painting | 그림 | 장 | hang show
~paper | 종이 | 장 sheet | slice
pencil | 연필 | 자루 | shop stationery lend
pen | 펜 | 자루 | shop stationery lend lost
brush | 붓 | 자루 | shop stationery
eraser | 지우개 | 개 | shop stationery lend
knife/knives | 칼 | 자루 | shop kitchenware tool wash
cup | 컵 | 개 | shop kitchenware wash glass
plate | 접시 | 개 | shop kitchenware wash glass
spoon | 숟가락 | 개 | shop kitchenware wash
umbrella | 우산 | 개 | shop lend lost
bag | 가방 | 개 | shop container lost heavy gift
box | 상자 | 개 | container heavy
basket | 바구니 | 개 | shop container heavy
key | 열쇠 | 개 | lost
wallet | 지갑 | 개 | shop lost gift
ring | 반지 | 개 | shop lost gift hands
clock | 시계 | 개 | shop machine hang
mirror | 거울 | 개 | shop glass hang wipe
chair | 의자 | 개 | furniture heavy shop painted
table | 탁자 | 개 | furniture heavy shop painted wipe surface
desk | 책상 | 개 | furniture heavy shop painted wipe surface
bed | 침대 | 개 | furniture shop surface
sofa | 소파 | 개 | furniture shop surface
lamp | 램프 | 개 | shop electric
door | 문 | | gate painted
window | 창문 | | gate glass wipe
drawer | 서랍 | | gate
wall | 벽 | | painted wipe
fence | 울타리 | | painted
doll | 인형 | 개 | shop gift craft
toy | 장난감 | 개 | shop gift craft
ball | 공 | 개 | shop throw
stone | 돌 | 개 | throw
coin | 동전 | 개 | throw
gift | 선물 | 개 | mail
camera | 카메라 | 대 | machine shop lend tool
computer | 컴퓨터 | 대 | machine electric shop tool
printer | 프린터 | 대 | machine electric shop tool
radio | 라디오 | 대 | machine electric shop
television | 텔레비전 | 대 | machine electric shop
fan | 선풍기 | 대 | machine electric shop
bicycle | 자전거 | 대 | machine vehicle shop lend
car | 자동차 | 대 | machine drive shop
truck | 트럭 | 대 | machine drive
bus | 버스 | 대 | vehicle drive await
taxi | 택시 | 대 | vehicle drive await
train | 기차 | | vehicle await
piano | 피아노 | 대 | keys shop instrument
guitar | 기타 | 대 | keys shop instrument
violin | 바이올린 | 대 | bow instrument
shirt | 셔츠 | 벌 | body shop clothes
coat | 코트 | 벌 | body shop clothes
sweater | 스웨터 | 벌 | body shop clothes
skirt | 치마 | 벌 | body shop clothes
dress | 원피스 | 벌 | body shop clothes
hat | 모자 | 개 | head shop clothes lost
helmet | 헬멧 | 개 | head shop
+shoes | 구두 | 켤레 pair | feet shop clothes
+sneakers | 운동화 | 켤레 pair | feet shop clothes
+boots | 장화 | 켤레 pair | feet shop clothes
+socks | 양말 | 켤레 pair | feet shop clothes
+gloves | 장갑 | 켤레 pair | hands shop clothes lost
rose | 장미 | 송이 | flower
tulip | 튤립 | 송이 | flower
lily | 백합 | 송이 | flower
sunflower | 해바라기 | 송이 | flower
pine tree | 소나무 | 그루 | tree
apple tree | 사과나무 | 그루 | tree
maple tree | 단풍나무 | 그루 | tree
house | 집 | | building
mountain | 산 | | scenery
movie | 영화 | 편 | screen
drama | 드라마 | 편 | screen
cartoon | 만화영화 | 편 | screen
musical | 뮤지컬 | 편 | screen
=music | 음악 | | sound
song | 노래 | | sound
lecture | 강의 | | sound event
concert | 음악회 | | event
meeting | 회의 | | event
exam | 시험 | | event
party | 파티 | | event
festival | 축제 | | event
problem | 문제 | 개 | solve
puzzle | 퍼즐 | 개 | solve shop
=math | 수학 | | subject
=history | 역사 | | subject
=science | 과학 | | subject
=art | 미술 | | subject
=English | 영어 | | subject language
=Korean | 한국어 | | subject language
=Chinese | 중국어 | | subject language
=French | 프랑스어 | | subject language
=soccer | 축구 | | sport
=baseball | 야구 | | sport
=basketball | 농구 | | sport
=tennis | 테니스 | | racket
=badminton | 배드민턴 | | racket
cat | 고양이 | 마리 | animal pet
dog | 개 | 마리 | animal pet
puppy | 강아지 | 마리 | animal pet
rabbit | 토끼 | 마리 | animal pet
bird | 새 | 마리 | animal pet
duck | 오리 | 마리 | animal barn
horse | 말 | 마리 | animal barn
cow | 소 | 마리 | animal barn
pig | 돼지 | 마리 | animal barn
sheep/sheep | 양 | 마리 | animal barn
monkey | 원숭이 | 마리 | animal wild
tiger | 호랑이 | 마리 | animal wild
bear | 곰 | 마리 | animal wild
student | 학생 | 명 | person
doctor | 의사 | 명 | person job
nurse | 간호사 | 명 | person job
farmer | 농부 | 명 | person job
singer | 가수 | 명 | person job
painter | 화가 | 명 | person job
reporter | 기자 | 명 | person job
soldier | 군인 | 명 | person job
lawyer | 변호사 | 명 | person job
chef | 요리사 | 명 | person job
police officer | 경찰관 | 명 | person job
actor | 배우 | 명 | person job
scientist | 과학자 | 명 | person job
girl | 소녀 | 명 | person
boy | 소년 | 명 | person
child/children | 아이 | 명 | person
tourist | 관광객 | 명 | person
!friend | 친구 | 명 | mine
!cousin | 사촌 | 명 | mine
!younger brother | 남동생 | 명 | mine
!younger sister | 여동생 | 명 | mine
!neighbor | 이웃 | 명 | mine
"""

_KINDS = {"~": "mass", "=": "bare", "+": "pair", "!": "kin"}


def _visited(place: Place) -> Noun:
    """A place as something to visit or to clean."""
    kind = "the" if place.english.startswith("the ") else "bare"
    return Noun(
        place.english.removeprefix("the "), "", place.korean, kind, "", "", place.groups & {"inside", "public", "city"}
    )


def _noun(row: str) -> Noun:
    english, korean, counting, groups = (cell.strip() for cell in row.split("|"))
    kind = _KINDS.get(english[0], "count")
    english = english.lstrip("~=+!")
    english, _, irregular = english.partition("/")
    counter, _, measure = counting.partition(" ")
    many = "" if kind not in ("count", "kin") else irregular or plural(english)
    return Noun(english, many, korean, kind, counter, measure, frozenset(groups.split()))


NOUNS: tuple[Noun, ...] = (
    *map(_noun, _NOUNS.strip().split("\n")),
    *(_visited(place) for place in PLACES),
)


def nouns(query: str) -> tuple[Noun, ...]:
    """The nouns in any of the named groups; a word that is no group names a noun ("_" for a space).

    >>> [noun.english for noun in nouns("racket piano")]
    ['piano', 'tennis', 'badminton']
    """
    wanted = {word.replace("_", " ") for word in query.split()}
    return tuple(noun for noun in NOUNS if noun.groups & wanted or noun.english in wanted)
