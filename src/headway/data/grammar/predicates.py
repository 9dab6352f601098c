"""The verbs and adjectives of the grammar: English, Korean stems, the nouns and places that make sense with them."""

from __future__ import annotations

from dataclasses import dataclass

from headway.data.grammar.english import gerund, past, third_person
from headway.data.grammar.nouns import Noun, nouns
from headway.data.grammar.places import Place, places
from headway.text.korean import Predicate


@dataclass(frozen=True, slots=True, eq=False)
class Verb:
    """One verb in one sense.

    Args:
        english: the base form, with its preposition or adverb: "listen to".
        past: the past tense: "listened to".
        third: the third person: "listens to".
        gerund: the form in -ing: "listening to".
        korean: the Korean predicate.
        objects: what it can be done to (none for a verb without an object).
        places: where it is done.
        uses: letters for what the verb can do: "h" be a habit, "p" be in progress, "v" be planned and asked for,
            "c" be done to a number of things, "d" go on for hours, "o" bring a thing about or get hold of it,
            "e" be done to a thing at hand, "m" be done to what is mine, "i" put a thing into its place (에, not 에서).
    """

    english: str
    past: str
    third: str
    gerund: str
    korean: Predicate
    objects: tuple[Noun, ...]
    places: tuple[Place, ...]
    uses: str

    @property
    def place_particle(self) -> str:
        """The particle of the place: 에서 where something happens, 에 where something is put."""
        return "에" if "i" in self.uses else "에서"

    @property
    def is_ambiguous(self) -> bool:
        """Whether the past and the bare present look alike: "I read", "I cut"."""
        return self.english == self.past


@dataclass(frozen=True, slots=True, eq=False)
class Adjective:
    """One adjective and the nouns it can describe; `comparative` is "" where the grammar does not compare."""

    english: str
    comparative: str
    korean: Predicate
    nouns: tuple[Noun, ...]


_GROCERIES, _GOODS = "fruit vegetable grocery drink flower baked", "shop"

# english [past] | stem [irregular] [>honorific] [!negation] | objects | places | uses
_VERBS = f"""
eat ate | 먹 >드시 | fruit boil baked dish sweets | eat | hpvce
drink drank | 마시 >드시 | drink | eat | hpvce
buy bought | 사 | {_GROCERIES} | shop | hpvco
buy bought | 사 | {_GOODS} | shop | pvco
sell sold | 팔 | {_GROCERIES} | shop | hpvce
sell sold | 팔 | {_GOODS} | shop | hpvce
choose chose | 고르 르 | shop clothes gift flower | shop | vo
wash | 씻 | fruit vegetable wash | cook | hpvce
cut cut | 자르 르 | slice apple pear peach melon | cook | hpve
bake | 굽 ㅂ | baked potato sweet_potato pizza | cook bakery | hpvo
boil | 삶 | boil noodles | cook | hpvce
make made | 만들 | baked dumpling pizza sandwich hamburger soup salad craft skirt dress sweater chair desk | | hpvo
read read | 읽 | text | study outside home | hpvced
write wrote | 쓰 | writing | study home | hpvco
draw drew | 그리 | animal flower tree scenery map house | study outside | hpvc
paint | 칠하 | painted house | | pve
open | 열 | gate bag box | | hpvm
close | 닫 | gate | | hv
watch | 보 | screen | home | hpvd
listen to | 듣 ㄷ | sound | home outside study | hpvd
sing sang | 부르 르 | song | outside home theater | hpv
find found | 찾 !못하 | lost | public | vom
lose lost | 잃어버리 | lost | public | em
break broke | 깨 | glass egg | inside | cem
fix | 고치 | machine chair door | | hpvem
clean | 청소하 | inside | | hpv
wipe | 닦 | wipe | | hpvem
borrow | 빌리 | lend | library school | hvmco
order | 주문하 | dish drink cake cookie | serve | hvco
receive | 받 !못하 | mail ticket flower | | co
learn | 배우 | subject sport racket | school | pv
study | 공부하 | subject | study | hpvd
meet met | 만나 | person mine | public | hv
help | 돕 ㅂ | person mine | public | hpv
wait for | 기다리 | await person mine | travel | hpv
visit | 방문하 | library school hospital museum theater zoo farm | | hv
visit | 방문하 | city | | v
plant | 심 | flower tree | garden | hpvci
pick | 따 | orchard | farm garden | hpvco
look after | 돌보 | pet barn child | | hpvdm
push | 밀 | furniture bicycle car | | pvem
carry | 나르 르 | heavy | | hpvcem
throw threw | 던지 | throw | outside | hpv
solve | 풀 | solve | study | hpvc
translate | 번역하 | writing | study | hpvce
hang hung | 걸 | hang coat | home classroom | veim
ride rode | 타 | vehicle horse | | hpv
drive drove | 운전하 | drive | | hpvm
turn on | 켜 | electric | | vm
turn off | 끄 | electric | | vm
use | 사용하 | tool | | hpvem
print | 인쇄하 | report photo map ticket postcard | office study | hpvce
wrap | 포장하 | gift book doll cup cake | | hpvce
wear wore | 입 | body | | hpvem
wear wore | 쓰 | head | | hpvem
wear wore | 신 | feet | | hpvem
wear wore | 끼 | hands | | hpvem
play | 하 | sport | sport park | hpvd
play | 치 | racket | sport park | hpvd
play | 치 | keys | home | hpvd
play | 켜 | bow | home | hpvd
"""

_DATIVES = """
give gave | 주 | shop flower gift fruit mail | | hv
send sent | 보내 | mail send postcard flower | | hpv
show showed | 보여 주 | map ticket photo painting letter ring report puzzle pet | | v
lend lent | 빌려주 | lend | | v
teach taught | 가르치 | subject sport racket | | hpv
"""

_INTRANSITIVES = """
sleep slept | 자 >주무시 | | home outside | hpv
rest | 쉬 | | home outside eat | hpv
work | 일하 | | work | hpv
swim swam | 수영하 | | swim | hpv
run ran | 달리 | | outside | hpv
walk | 걷 ㄷ | | outside | hpv
dance | 춤추 | | outside home show | hpv
sing sang | 노래하 | | outside home show | hpv
exercise | 운동하 | | outside home | hpv
play | 놀 | | outside home | hpv
cry cried | 울 | | inside outside public | p
laugh | 웃 | | inside public | p
"""

_COLORED = "house body head feet hands bag umbrella car bicycle ball cup pencil chair door"

# english [comparative; "more" takes it before] | stem [irregular] [part] | nouns
_ADJECTIVES = f"""
big bigger | 크 | furniture container building ball animal shirt coat
small smaller | 작 | furniture container building ball pet shirt coat
heavy heavier | 무겁 ㅂ | heavy machine stone dictionary sofa bed
light lighter | 가볍 ㅂ | heavy machine dictionary sofa bed
expensive more | 비싸 | shop clothes drink
cheap cheaper | 싸 | shop clothes drink
pretty prettier | 예쁘 | clothes flower doll cup plate bag ring
red | 빨갛 ㅎ | {_COLORED} rose tulip
blue | 파랗 ㅎ | {_COLORED}
yellow | 노랗 ㅎ | {_COLORED} rose tulip
white | 하얗 ㅎ | {_COLORED} rose tulip cat dog rabbit
black | 까맣 ㅎ | {_COLORED} cat dog rabbit
long longer | 길 | skirt dress coat pencil novel letter lecture meeting movie concert
short shorter | 짧 | skirt pencil novel letter lecture meeting movie concert
delicious more | 맛있 existential | fruit baked dish sweets coffee tea juice wine beer
sweet sweeter | 달콤하 | fruit cake cookie sweets juice
hot hotter | 뜨겁 ㅂ | hot soup
cold colder | 차갑 ㅂ | milk water juice beer
fresh fresher | 신선하 | fruit vegetable egg milk salad
interesting more | 재미있 existential | book novel magazine comic_book screen lecture puzzle festival party
boring more | 지루하 | book novel magazine screen lecture meeting concert
difficult more | 어렵 ㅂ | solve subject exam lecture
easy easier | 쉽 ㅂ | solve subject exam lecture
clean cleaner | 깨끗하 | inside clothes wash window table car
dirty dirtier | 더럽 ㅂ | inside clothes wash window table car
spacious more | 넓 | inside park farm airport station museum
cramped more | 좁 | inside
quiet quieter | 조용하 | inside library cafe museum park beach
noisy noisier | 시끄럽 ㅂ | inside cafe market airport station restaurant
bright brighter | 밝 | inside lamp library cafe
dark darker | 어둡 ㅂ | inside theater library
beautiful more | 아름답 ㅂ | flower scenery painting song music park beach garden Seoul Busan Jeju Paris
fast faster | 빠르 르 | vehicle drive horse computer printer
slow slower | 느리 | vehicle drive horse computer printer
cute cuter | 귀엽 ㅂ | pet doll child
sturdy sturdier | 튼튼하 | furniture bag box door bicycle
comfortable more | 편하 | sofa chair bed feet
kind kinder | 친절하 | person
busy busier | 바쁘 | person
tired | 피곤하 | person
happy happier | 행복하 | person
hungry | 배고프 | person
sick | 아프 | person
tall taller | 키가 크 | person
diligent more | 부지런하 | person
lazy lazier | 게으르 르 | person
brave braver | 용감하 | person
honest more | 정직하 | person
famous more | 유명하 | person
healthy healthier | 건강하 | person
"""


def _predicate(cell: str) -> Predicate:
    words, marks = [word for word in cell.split() if word[0] not in ">!"], dict[str, str]()
    marks.update((word[0], word[1:]) for word in cell.split() if word[0] in ">!")
    part = words.pop() if words[-1] == "existential" else ""
    irregular = words.pop() if len(words[-1]) == 1 and words[-1] in "ㅂㄷㅅㅎ르" and len(words) > 1 else ""
    return Predicate(" ".join(words), irregular, part or "verb", marks.get(">", ""), marks.get("!", "않"))


def _verb(row: str) -> Verb:
    head, stem, objects, where, uses = (cell.strip() for cell in row.split("|"))
    base, _, rest = head.partition(" ")
    preposition = rest if rest in ("to", "for", "on", "off", "after") else ""
    irregular = "" if preposition else rest
    forms = (base, irregular or past(base), third_person(base), gerund(base))
    english, past_form, third, gerund_form = (f"{form} {preposition}".strip() for form in forms)
    return Verb(english, past_form, third, gerund_form, _predicate(stem), nouns(objects), places(where), uses)


def _adjective(row: str) -> Adjective:
    forms, korean, things = (cell.strip() for cell in row.split("|"))
    english, _, comparative = forms.partition(" ")
    predicate = _predicate(korean)
    if predicate.part == "verb":
        predicate = Predicate(predicate.stem, predicate.irregular, "adjective")
    return Adjective(english, f"more {english}" if comparative == "more" else comparative, predicate, nouns(things))


VERBS: tuple[Verb, ...] = tuple(map(_verb, _VERBS.strip().split("\n")))
DATIVES: tuple[Verb, ...] = tuple(map(_verb, _DATIVES.strip().split("\n")))
INTRANSITIVES: tuple[Verb, ...] = tuple(map(_verb, _INTRANSITIVES.strip().split("\n")))
ADJECTIVES: tuple[Adjective, ...] = tuple(map(_adjective, _ADJECTIVES.strip().split("\n")))
