"""The screen: which words are kept from the public until somebody has read them (pure).

It looks for what leads to a person: telephone numbers, e-mail addresses and handles, vehicle
plates, postcodes, names with a title; and for links, threats and abuse. It errs on holding back:
a held sentence waits for a reader, a leaked one cannot be called back. What a road report is full
of must pass: ``A34``, ``M5 junction 12``, ``12 mm deep``, house numbers, dates, positions.

The text is first brought to one spelling: compatibility forms, accents, zero-width characters and
letters that only look Latin are folded away, and letters spelt out one by one are joined.
"""

# ruff: noqa: RUF001, SIM905 - letters that look alike are the subject; word lists read as words

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

#: What looks like a Latin letter in Cyrillic and Greek.
_LOOKS_LIKE: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУХԚԜҮавеѕіјкмнорстухԛԝүһԁӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχıℓ",
    "ABESIJKMHOPCTYXQWYabesijkmhopctyxqwyhdlABEZHIKMNOPTYXaiknoptuxil",
)
#: Between the parts of a number, a plate or a postcode.
_GAP: Final = r"[\s.\-·•_/,|*()]{0,3}"
_NARROW: Final = r"[\s.\-·•_*]{0,2}"

# --- what looks like a number or a plate, and is none -----------------------------------------

_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_CLOCK: Final = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
_DEGREES: Final = r"-?(?:0|[1-9]\d{0,2})\.\d{4,9}"
_NO_NUMBER: Final = re.compile(
    rf"""
    \bKB-?[0-9A-Z]{{6}}\b                                                 # our references
    | \b{_DAY}([/.-]){_MONTH}\1(?:19|20)?\d\d\b(?:[\s,]{{1,3}}{_CLOCK}\b)?  # dates
    | \b(?:19|20)\d\d-\d\d-\d\d(?:[\sT]{_CLOCK})?(?!\d)
    | \b{_CLOCK}\b                                                       # times
    | (?<![\d.]){_DEGREES}(?:\s?[,;]?\s?{_DEGREES})?(?!\.?\d)             # positions
    """,
    re.VERBOSE | re.IGNORECASE,
)
_GAPS: Final = " \t\n\r.-·•_/,|*()"

# --- telephone numbers ------------------------------------------------------------------------

_DIGIT_WORDS: Final = {
    "zero": "0",
    "oh": "0",
    "nought": "0",
    "naught": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
_SPOKEN: Final = re.compile(
    rf"\b(?:(double|triple)[\s-]+)?({'|'.join(_DIGIT_WORDS)}|\d)\b", re.IGNORECASE
)
_DIGIT: Final = re.compile(r"\d")
_WORD: Final = re.compile("[a-z]+")
#: With fewer digits and their words no number can be dialled ("triple" makes three of one).
_FEWEST: Final = 3
_TIMES: Final = {"double": 2, "triple": 3}
#: A word of digits in which some were typed as the letters that look like them.
_MISTYPED: Final = re.compile(r"(?<![A-Za-z0-9])(?=[OoIl]*\d[OoIl]*\d)[\dOoIl]{3,}(?![A-Za-z])")
_AS_DIGITS: Final = str.maketrans("OoIl", "0011")
_GROUPS: Final = re.compile(r"\+?\d+")
#: Digits of the longest number in the world, with 00 and a plus.
_LONGEST: Final = 18
_BETWEEN: Final = re.compile(rf"{_GAP}\Z")
#: National with the 0, from abroad, and a mobile whose 0 is forgotten.
_DIALLED: Final = re.compile(
    r"0[1235789]\d{8,9}|(?:\+|00)?440?[1235789]\d{8,9}|7[1-9]\d{8}|(?:\+|00)[1-9]\d{8,13}"
)
#: Fewer digits are a number too after such a word.
_RINGING: Final = re.compile(
    r"\b(?:tel|telephone|phone|ring|call|text|txt|mob|mobile|whatsapp|ffon|ffonio|ffoniwch)\b"
    r"[\s.:]*(?:(?:me|us|him|her|them|is|no|nr|num|number|on|at|ar|fi|ni)\b[\s.:]*){0,4}"
    rf"\d(?:{_NARROW}\d){{4,}}",
    re.IGNORECASE,
)

# --- e-mail addresses, handles, links ---------------------------------------------------------

_TLD: Final = r"(?:com|co|uk|org|net|gov|ac|edu|info|biz|me|io|eu|cymru|wales|scot|london|ie)"
_EMAIL: Final = re.compile(
    rf"""
    [^\s@]\s{{0,2}}@\s{{0,2}}[^\W\d_][\w-]{{0,63}}\s?\.\s?\w                   # a@b.c
    | (?<![\w@])@[^\W\d]\w{{2,}}                                       # @handle
    | \w@[^\W\d]\w                                                     # a@gmail
    | \w\s?[(\[{{<]\s?at\s?[)\]}}>]\s?\w                               # a (at) b
    | \w\s+at\s+[\w-]{{1,63}}(?:(?:\s?[(\[{{<]\s?dot\s?[)\]}}>]\s?|\s+dot\s+)[\w-]{{1,63}})*
      (?:\s+dot\s+|\s?[(\[{{<]\s?dot\s?[)\]}}>]\s?|\s?\.){_TLD}\b           # a at b dot com
    | \w\s+at\s+(?:gmail|googlemail|hotmail|outlook|yahoo|icloud|btinternet|live)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LINK: Final = re.compile(
    rf"\b(?:https?|ftp)\s?:\s?/|\bwww\s?\.|\b[\w-]{{2,63}}\.(?:{_TLD}\.)?{_TLD}(?:/|\b(?!\w))",
    re.IGNORECASE,
)

# --- vehicle plates ---------------------------------------------------------------------------

#: Three letters that stand beside a road's or a house's number without being a plate.
_THREE: Final = frozenset(
    """
    the and for are was has had not but you all can her one our out day get him his how man new now
    old see two way who boy did its let put say she too use any may jun jul aug sep oct nov dec jan
    feb mar apr mon tue wed thu fri sat sun mph kmh kph yds yrs ins cms mms mts kms mtr mil min hrs
    sec ltr kgs lbs ton big bad bit box bus cab car cat dog bin bag bed bar bay gap dip sag rut pit
    pot top end far off low mid via per nos num apt opp jct jcn jnc rbt ave str nth sth est wst lhs
    rhs gas tar oil mud wet dry hot icy ice fog ran run cut dug dig due etc yet ago ask bus van mud
    rat red sat set sit six ten tin tip toe tow try war web why win won yes tap tea tax sky ski sea
    sad row rod rob rip rim rib ram rag pub pro pop pin pie pet pen peg pay pat pan pad owl own ore
    nut net mob mix met men map mad lot log lit lip lid lie leg led law lay lap lad key kid job jet
    jam inn ink hut hub hop hit hip hid hen hat ham gym gun gum guy got god gap fun fur fly fix fit
    fin fed fan fat eye egg ear eat dye dot die den dam cup cry cow cot cop con cod cap bye buy bun
    bug bud bow bid bet beg bat ban art arm arc air aid age add act tee top zoo oak ash elm yew fir
    flt sgl dbl ref col ltd plc lit unlit pcs pos pot app usb led mil bhp pts pct mud cul sac lay by
    """.split()
)
#: Two letters in front of a number that are no plate's.
_TWO: Final = frozenset(
    """
    on at in no is of to by up my we it or so he us an as be do go if me nr st rd ft km cm mm pm am
    ch tr jn rt ln dr sq pk th nd pg pt wk id ok hi ex mr ms vs ie eg gb tv kg lb hr oz ml bt
    """.split()
)
_UNITS: Final = frozenset("FT ST ND RD TH YD HR LB PT DB".split())
_PLATE: Final = re.compile(
    rf"""
    \b(?P<area>[A-Z01]{{2}})(?P<gap>{_NARROW})(?P<age>[0-9OIL]{{2}}){_NARROW}(?P<last>[A-Z01]{{3}})\b
    | \b(?P<year>[A-HJ-NPQR-TV-Y])(?P<apart>[\s.\-]?)(?P<serial>[1-9OIL][0-9OIL]{{0,2}}){_NARROW}
      (?P<letters>[A-Z]{{3}})\b
    | \b(?P<first>[A-Z]{{3}}){_NARROW}(?P<middle>[1-9OIL][0-9OIL]{{0,2}}){_NARROW}
      (?P<suffix>[A-HJ-NP-TV-Y])\b
    | \b(?P<irish>[A-Z](?:[IZ][A-Z]|[A-Z][IZ])){_NARROW}(?P<four>\d{{3,4}})\b
    | \b\d{{3}}{_NARROW}D{_NARROW}\d{{3}}\b                              # diplomats
    | \b\d{{2,3}}-[A-Z]{{1,2}}-\d{{1,6}}\b                               # the Republic's
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: Older ones without a pattern of their own, after a word that says what comes.
_NAMED_PLATE: Final = re.compile(
    r"\b(?:reg|registration|registered|plate|plates|vrm|vrn|numberplate|rhif\s+cofrestru)\b"
    r"[\s.:]*(?:(?:is|was|no|nr|number|mark|yw)\b[\s.:]*){0,3}"
    rf"(?:[A-Z]{{1,3}}{_NARROW}\d{{1,4}}|\d{{1,4}}{_NARROW}[A-Z]{{1,3}})\b",
    re.IGNORECASE,
)

# --- postcodes --------------------------------------------------------------------------------

_AREAS: Final = frozenset(
    """
    AB AL B BA BB BD BH BL BN BR BS BT BX CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E
    EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN
    LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO
    SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE
    """.split()
)
_POSTCODE: Final = re.compile(
    rf"\b(?P<area>[A-Z0]{{1,2}})(?P<gap>\s?)(?P<district>[0-9OIL][0-9A-Z]?)(?P<wide>{_NARROW})"
    r"(?P<sector>[0-9OIL])(?P<unit>[ABD-HJLNP-UW-Z]{2})\b",
    re.IGNORECASE,
)

# --- names, threats, abuse --------------------------------------------------------------------

_NAME: Final = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Mister|Cllr|Councillor|Cyng)\b\.?\s+[A-Z][a-z]"
    r"|\b(?i:my name is|my name's|fy enw i yw|fy enw yw)\s+\w"
)
#: Kept short on purpose: a reader sees every sentence that is reported later anyway.
_ABUSE: Final = re.compile(
    r"""
    \b(?: f+[\W_]?[u*]+[\W_]?[c*]+[\W_]?k\w* | c[u*]nts? | wank\w* | tw[a*]ts? | shit\w* | bastards?
    | bitch\w* | arsehole\w* | assholes? | bollocks | prick | dickhead\w* | slags? | scum
    | n[i1*]gg\w+ | p[a4]k[i1]s? | g[y1]ppos? | p[i1]keys? | f[a4]gg?[o0]ts? | retards? | spastics?
    | (?:kill|stab|shoot|beat|hang|burn|hurt|lynch)\s+(?:you|him|her|them|your|his|their|himself)
    | (?:burn|bomb|blow|torch)\s+(?:\w+\s+){0,3}(?:down|up)\b(?=.*\b(?:council|office|house|you))
    | know\s+where\s+(?:you|he|she|they)\s+lives?
    ) \b
    """,
    re.VERBOSE | re.IGNORECASE,
)

#: Letters or digits one by one: ``O X 1 4  3 A B``.
_SPELT: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z0-9][ .\-_*]{1,2}){4,}[A-Za-z0-9](?![A-Za-z0-9])"
)


def held(text: str | None) -> tuple[str, ...]:
    """Why a text may not be public yet, of phone, email, plate, postcode, link, words. Empty: may.

    Of each reason only that it is there is said, never what was found.
    """
    if not text or not text.strip():
        return ()
    plain = _plain(text)
    joined = _SPELT.sub(lambda spelt: re.sub(r"[\W_]", "", spelt[0]), plain)
    spellings = (plain,) if joined == plain else (plain, joined)
    found = {reason for spelling in spellings for reason in _reasons(spelling)}
    return tuple(reason for reason in REASONS if reason in found)


REASONS: Final = ("phone", "email", "plate", "postcode", "link", "words")


def _reasons(text: str) -> Iterator[str]:
    digits = len(_DIGIT.findall(text))
    spoken = sum(word in _DIGIT_WORDS for word in _WORD.findall(text.lower()))
    numbers = _NO_NUMBER.sub(_alone, text) if digits else text
    if digits + spoken >= _FEWEST and _rings(numbers, spoken=spoken > 0):
        yield "phone"
    if _EMAIL.search(text):
        yield "email"
    if digits and _has_plate(numbers):
        yield "plate"
    if digits and any(_is_postcode(match) for match in _overlapping(_POSTCODE, numbers)):
        yield "postcode"
    if _LINK.search(text):
        yield "link"
    if _NAME.search(text) or _ABUSE.search(text):
        yield "words"


def _plain(text: str) -> str:
    """The text in one spelling: Latin letters without marks, ASCII digits, nothing invisible."""
    if text.isascii() and text.isprintable():  # as most are: it is in that spelling already
        return text
    folded = unicodedata.normalize("NFKD", text).translate(_LOOKS_LIKE)
    kept = []
    for character in folded:
        kind = unicodedata.category(character)
        if kind in {"Mn", "Me", "Cf", "Cc"} and character not in "\n\t\r":
            continue
        if kind == "Nd":
            kept.append(str(unicodedata.decimal(character)))
        elif kind == "Pd" or character == "−":
            kept.append("-")
        else:
            kept.append(character)
    return "".join(kept)


def _alone(match: re.Match[str]) -> str:
    """Nothing, if no digits stand beside it: else it may be a number cut to look like a date."""
    before = match.string[: match.start()].rstrip(_GAPS)[-1:]
    after = match.string[match.end() :].lstrip(_GAPS)[:1]
    return match[0] if before.isdigit() or after.isdigit() else " ; "


def _rings(text: str, *, spoken: bool) -> bool:
    """Whether a telephone number stands in it, in digits or (``spoken``) in words."""
    said = (
        text
        if not spoken
        else _SPOKEN.sub(
            lambda said: (
                _DIGIT_WORDS.get(said[2].lower(), said[2]) * _TIMES.get((said[1] or "").lower(), 1)
            ),
            text,
        )
    )
    typed = _MISTYPED.sub(lambda word: word[0].translate(_AS_DIGITS), said)
    return bool(_RINGING.search(typed)) or any(map(_DIALLED.fullmatch, _runs(typed)))


def _runs(text: str) -> Iterator[str]:
    """The digits of every run of neighbouring groups, ten to sixteen of them."""
    groups = list(_GROUPS.finditer(text))
    for index, first in enumerate(groups):
        run = first[0]
        end = first.end()
        yield run
        for group in groups[index + 1 : index + 1 + _LONGEST]:
            if group[0][0] == "+" or not _BETWEEN.match(text[end : group.start()]):
                break
            run += group[0]
            if len(run) > _LONGEST:
                break
            end = group.end()
            yield run


def _has_plate(text: str) -> bool:
    return bool(_NAMED_PLATE.search(text)) or any(
        _is_plate(match) for match in _overlapping(_PLATE, text)
    )


def _is_plate(match: re.Match[str]) -> bool:
    """Told from a word beside a number: ``A34 the`` and ``at 12 yds`` are no plates."""
    shown = match[0].isupper()
    if area := match["area"]:
        letters = sum(map(str.isalpha, area + match["last"]))
        real = any(map(str.isdigit, match["age"])) and letters > len(area)
        started = bool(match["gap"]) and area.lower() in _TWO
        return real and not started and ((shown and match[0].isalnum()) or not _word(match["last"]))
    if serial := match["serial"]:
        if not any(map(str.isdigit, serial)) or (match["apart"] and not shown):
            return False
        return (match[0].isalnum() and shown) or not _word(match["letters"])
    if middle := match["middle"]:
        attached = match[0][-2].isalnum() or shown
        return any(map(str.isdigit, middle)) and attached and not _word(match["first"])
    return not (match["irish"] and _word(match["irish"]))


def _word(letters: str) -> bool:
    return letters.lower() in _THREE


def _is_postcode(match: re.Match[str]) -> bool:
    """Told from a road and a measure: ``A34 5ft`` and ``M5 2nd exit`` are no postcodes."""
    area, unit = match["area"].upper().replace("0", "O"), match["unit"]
    if area not in _AREAS or not any(map(str.isdigit, match["district"][0] + match["sector"])):
        return False
    if not match["sector"].isdigit() and (not unit.isupper() or _word(match["sector"] + unit)):
        return False
    # One letter and a number may be a road: then ``2nd`` and ``5ft`` are what they seem.
    road = len(area) == 1 and match["wide"].isspace()
    return not (road and unit.upper() in _UNITS and not unit.isupper())


def _overlapping(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Every match, also those that begin inside another."""
    start = 0
    while match := pattern.search(text, start):
        yield match
        start = match.start() + 1
