"""Topics, countries and regions of the shipped scheme: codes, Arabic and English names, and which region holds what."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["REGIONS", "REGION_OF", "TOPICS", "LabelName", "name_of", "regions_of"]


@dataclass(frozen=True, slots=True)
class LabelName:
    """A label's code, its names, and its code in the standard it comes from ('' if none)."""

    code: str
    name_ar: str
    name_en: str
    standard: str = ""


# IPTC Media Topics, release of 2026-07-02 (CC BY 4.0): codes only, their Arabic names are not unique.
TOPICS = {
    label.code: label
    for label in (
        LabelName("security", "الأمن والنزاعات", "security and conflict", "medtop:16000000"),
        LabelName("diplomacy", "الدبلوماسية", "diplomacy", "medtop:20000639"),
        LabelName("politics", "السياسة", "politics", "medtop:11000000"),
        LabelName("economy", "الاقتصاد والأعمال", "economy and business", "medtop:04000000"),
        LabelName("crime", "الجريمة والقضاء", "crime and justice", "medtop:02000000"),
        LabelName("disaster", "الكوارث والبيئة", "disaster and environment", "medtop:03000000"),
        LabelName("society", "المجتمع", "society", "medtop:14000000"),
        LabelName("health", "الصحة", "health", "medtop:07000000"),
        LabelName("science", "العلوم والتكنولوجيا", "science and technology", "medtop:13000000"),
        LabelName("culture", "الثقافة والفنون", "culture and arts", "medtop:01000000"),
        LabelName("religion", "الدين", "religion", "medtop:12000000"),
        LabelName("sports", "الرياضة", "sports", "medtop:15000000"),
    )
}

REGIONS = {
    label.code: label
    for label in (
        LabelName("arabian_peninsula", "الجزيرة العربية", "Arabian Peninsula"),
        LabelName("iraq", "العراق", "Iraq"),
        LabelName("levant", "بلاد الشام", "Levant"),
        LabelName("palestine_israel", "فلسطين وإسرائيل", "Palestine and Israel"),
        LabelName("nile_valley", "وادي النيل", "Nile Valley"),
        LabelName("maghreb", "المغرب العربي", "Maghreb"),
        LabelName("horn_of_africa", "القرن الأفريقي", "Horn of Africa"),
        LabelName("iran", "إيران", "Iran"),
        LabelName("turkey", "تركيا", "Turkey"),
        LabelName("europe", "أوروبا", "Europe", "M49 150"),
        LabelName("eurasia", "روسيا وآسيا الوسطى والقوقاز", "Russia, Central Asia, Caucasus"),
        LabelName("north_america", "أمريكا الشمالية", "Northern America", "M49 021"),
        LabelName("latin_america", "أمريكا اللاتينية", "Latin America and the Caribbean", "M49 419"),
        LabelName("sub_saharan_africa", "أفريقيا جنوب الصحراء", "Sub-Saharan Africa", "M49 202"),
        LabelName("south_asia", "جنوب آسيا", "South Asia"),
        LabelName("east_asia_pacific", "شرق آسيا والمحيط الهادئ", "East Asia and Pacific", "M49 030, 035, 009"),
    )
}

# ISO 3166 alpha-2, with EU for the bodies of the European Union and XK for Kosovo.
_COUNTRIES_OF = {
    "arabian_peninsula": "SA AE QA KW BH OM YE",
    "iraq": "IQ",
    "levant": "SY LB JO",
    "palestine_israel": "PS IL",
    "nile_valley": "EG SD SS",
    "maghreb": "LY TN DZ MA MR EH",
    "horn_of_africa": "SO DJ ER ET KM",
    "iran": "IR",
    "turkey": "TR",
    "europe": "EU AX AL AD AT BE BA BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV "
    "MC MD ME MK MT NL NO PL PT RO RS SE SI SJ SK SM UA VA XK",
    "eurasia": "RU GE AM AZ KZ KG TJ TM UZ",
    "north_america": "US CA BM GL PM",
    "latin_america": "AG AI AR AW BB BL BO BQ BR BS BV BZ CL CO CR CU CW DM DO EC FK GD GF GP GS GT GY HN HT JM KN KY "
    "LC MF MQ MS MX NI PA PE PR PY SR SV SX TC TT UY VC VE VG VI",
    "sub_saharan_africa": "AO BF BI BJ BW CD CF CG CI CM CV GA GH GM GN GQ GW IO KE LR LS MG ML MU MW MZ NA NE NG RE "
    "RW SC SH SL SN ST SZ TD TF TG TZ UG YT ZA ZM ZW",
    "south_asia": "AF PK IN BD LK NP BT MV",
    "east_asia_pacific": "CN HK JP KP KR MN MO TW BN ID KH LA MM MY PH SG TH TL VN AS AU CC CK CX FJ FM GU HM KI MH MP "
    "NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
}
REGION_OF = {country: region for region, countries in _COUNTRIES_OF.items() for country in countries.split()}


def regions_of(countries: Iterable[str]) -> list[str]:
    """Return the regions of `countries`, in their order, each once; a code of no region has none."""
    return list(dict.fromkeys(REGION_OF[country] for country in countries if country in REGION_OF))


def name_of(task: str, code: str) -> LabelName:
    """Return the names of a label of the shipped scheme; a label of a user's own task is named by itself."""
    names = {"topic": TOPICS, "region": REGIONS}.get(task) or (_countries() if task == "country" else {})
    return names.get(code, LabelName(code, code, code))


@cache
def _countries() -> dict[str, LabelName]:
    """Read the country names: Unicode CLDR's, shortened where newsrooms use a shorter one."""
    table = files("classifier").joinpath("countries.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines()[1:])
    return {code: LabelName(code, name_ar, name_en, "ISO 3166-1") for code, name_ar, name_en in rows}
