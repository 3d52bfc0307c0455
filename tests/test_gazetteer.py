import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import DataError, ModelFormatError
from classifier.gazetteer import KINDS, MAX_LETTERS, MAX_WORDS, Gazetteer, Name, load_gazetteer, parse_table
from classifier.labels import REGION_OF
from classifier.normalize import normalize_text

ALIASES = Path(__file__).resolve().parent.parent / "datasets/gazetteer/aliases.tsv"
ROWS = [
    Name("مصر", "state", {"EG": 1.0}),
    Name("طرابلس", "city", {"LY": 0.6, "LB": 0.4}),
    Name("طرابلس الغرب", "city", {"LY": 1.0}),
    Name("المحيط الهندي", "place", {}),
    Name("هندي", "people", {"IN": 1.0}),
]


def name_countries(gazetteer, entry):
    begin = gazetteer.country_ends[entry - 1] if entry else 0
    links = range(begin, gazetteer.country_ends[entry])
    return {gazetteer.countries[gazetteer.name_countries[i]]: float(gazetteer.weights[i]) for i in links}


def test_table_becomes_arrays():
    gazetteer = Gazetteer.from_table(ROWS)
    assert len(gazetteer) == 5
    assert gazetteer.countries == ("EG", "IN", "LB", "LY")
    assert [gazetteer.name_of(i) for i in range(5)] == ["مصر", "طرابلس", "طرابلس الغرب", "المحيط الهندي", "هندي"]
    assert [KINDS[kind] for kind in gazetteer.kinds] == [row.kind for row in ROWS]
    assert [name_countries(gazetteer, i) for i in range(5)] == [
        pytest.approx(dict(row.countries), abs=1e-6) for row in ROWS
    ]


def test_words_are_shared():
    gazetteer = Gazetteer.from_table(ROWS)
    assert len(gazetteer.words) == 6  # seven words, one of them twice
    assert gazetteer.name_words[1] == gazetteer.name_words[2]


def test_an_empty_table_is_a_gazetteer():
    gazetteer = Gazetteer.from_table([])
    assert len(gazetteer) == 0
    assert len(Gazetteer.from_arrays(gazetteer.to_arrays())) == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(Name("نهر", "river", {"EG": 1}), "kind 'river' of 'نهر' is not one of state", id="kind"),
        pytest.param(Name("نهر", "place", {"EG": 1.5}), r"weights of 'نهر' must be in 0\.\.1", id="weight"),
        pytest.param(Name("نهر", "place", {"EG": 0}), r"weights of 'نهر' must be in 0\.\.1", id="zero"),
        pytest.param(Name("نهر", "place", {"EG": float("nan")}), r"must be in 0\.\.1", id="nan"),
        pytest.param(Name("مِصْر", "city", {"EG": 1}), "'مصر' is there twice", id="twice after folding"),
        pytest.param(Name("...", "city", {"EG": 1}), r"got '\.\.\.'", id="no word"),
        pytest.param(Name("ا" * (MAX_LETTERS + 1), "city", {"EG": 1}), "at most 18 letters", id="long word"),
        pytest.param(Name(" ".join("ا" * (MAX_WORDS + 1)), "city", {"EG": 1}), "1 to 12 words", id="many words"),
    ],
)
def test_a_bad_row_is_named(row, message):
    with pytest.raises(DataError, match=message):
        Gazetteer.from_table([*ROWS, row])


def test_longest_name_is_kept():
    name = " ".join(letter * MAX_LETTERS for letter in "ابتثجحخدذرزس")
    assert Gazetteer.from_table([Name(name, "city", {})]).name_of(0) == normalize_text(name)


@given(st.lists(st.text("ابتسكلو ", min_size=1, max_size=24), max_size=30))
def test_names_come_back(names):
    expected = list(dict.fromkeys(" ".join(name.split()) for name in names))
    kept = [n for n in expected if 0 < len(n.split()) <= MAX_WORDS and max(map(len, n.split())) <= MAX_LETTERS]
    gazetteer = Gazetteer.from_table(Name(name, "place", {"EG": 1}) for name in kept)
    assert [gazetteer.name_of(i) for i in range(len(gazetteer))] == kept


@pytest.mark.parametrize(
    ("line", "number"), [("مصر\tstate", 3), ("مصر\tstate\tEG:x", 3), ("مصر\tstate\tEG\t", 3), ("", 3)]
)
def test_parse_table_names_the_bad_line(line, number):
    with pytest.raises(DataError, match=f"line {number}: name, kind, countries expected"):
        parse_table(f"name\tkind\tcountries\nقطر\tstate\tQA\n{line}\nليبيا\tstate\tLY\n")


def test_parse_table_reads_weights():
    rows = parse_table("name\tkind\tcountries\nدرهم\tcurrency\tAE:0.6 MA\nالمحيط الهندي\tplace\t-\n")
    assert rows == [Name("درهم", "currency", {"AE": 0.6, "MA": 1.0}), Name("المحيط الهندي", "place", {})]


def test_arrays_round_trip():
    gazetteer = Gazetteer.from_table(ROWS)
    again = Gazetteer.from_arrays(gazetteer.to_arrays())
    assert again.countries == gazetteer.countries
    for name, array in gazetteer.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array, strict=True)
    for one, other in zip(again.trie, gazetteer.trie, strict=True):
        np.testing.assert_array_equal(one, other)


def test_arrays_of_a_file_are_not_written_to():
    arrays = Gazetteer.from_table(ROWS).to_arrays()
    for array in arrays.values():
        array.flags.writeable = False
    assert Gazetteer.from_arrays(arrays).trie.kinds.flags.writeable


def test_a_used_gazetteer_can_be_pickled():
    gazetteer = Gazetteer.from_table(ROWS)
    assert gazetteer.trie is not None
    assert pickle.loads(pickle.dumps(gazetteer)).name_of(2) == "طرابلس الغرب"


def _put(name, position, value):
    def damage(arrays):
        arrays[name] = arrays[name].copy()
        arrays[name][position] = value

    return damage


def _cast(name, dtype):
    def damage(arrays):
        arrays[name] = arrays[name].astype(dtype)

    return damage


def _cut(name):
    def damage(arrays):
        arrays[name] = arrays[name][:-1]

    return damage


def _names(n):
    def damage(arrays):
        arrays["country_codes"] = np.frombuffer(" ".join(map(str, range(n))).encode(), np.uint8)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda arrays: arrays.pop("kinds"), "arrays must be", id="missing"),
        pytest.param(lambda arrays: arrays.update(more=arrays["kinds"]), "arrays must be", id="one more"),
        pytest.param(_cast("weights", np.float64), "weights has type float64", id="type"),
        pytest.param(lambda a: a.update(words=a["words"].ravel()), "words has type int64 and 1 axes", id="axes"),
        pytest.param(lambda a: a.update(words=a["words"].reshape(4, 3)), "words", id="shape"),
        pytest.param(_put("alphabet", 3, 0x645), "another alphabet", id="alphabet"),
        pytest.param(_put("alphabet", 3, 0xFFFFFFFF), "another alphabet", id="no code point"),
        pytest.param(_names(1001), "more than 1000 countries", id="countries"),
        pytest.param(lambda a: a.update(kinds=np.zeros(2**22 + 1, np.uint8)), "kinds has 4194305 items", id="items"),
        pytest.param(_put("kinds", 0, len(KINDS)), "kinds out of range", id="kind"),
        pytest.param(_put("name_words", 0, 6), "name_words out of range", id="word"),
        pytest.param(_put("name_words", 0, -1), "name_words out of range", id="negative word"),
        pytest.param(_put("name_countries", 0, 4), "name_countries out of range", id="country"),
        pytest.param(_put("name_countries", 0, -1), "name_countries out of range", id="negative country"),
        pytest.param(_put("name_ends", 0, 0), "name_ends out of range", id="name without words"),
        pytest.param(_put("name_ends", 0, 5), "name_ends out of range", id="ends go back"),
        pytest.param(_put("name_ends", -1, 99), "name_ends does not fit", id="end beyond"),
        pytest.param(_put("country_ends", -1, 3), "country_ends does not fit", id="countries left over"),
        pytest.param(_put("country_ends", 1, -5), "country_ends out of range", id="negative end"),
        pytest.param(_cut("country_ends"), "country_ends does not fit", id="cut"),
        pytest.param(_cut("name_countries"), "weights", id="fewer countries than weights"),
        pytest.param(_put("weights", 0, np.nan), "weights", id="nan"),
        pytest.param(_put("weights", 0, 2), "weights", id="large weight"),
        pytest.param(_put("words", (0, 0), -1), "words", id="negative letters"),
        pytest.param(_put("words", (0, 0), 0), "words", id="no letter"),
        pytest.param(_put("words", (0, 1), 0x7F), "words", id="no symbol"),
        pytest.param(lambda a: a.update(words=a["words"][[0, 0, 2, 3, 4, 5]]), "has a word twice", id="word twice"),
        pytest.param(_put("name_words", 6, 0), "has a name twice", id="name twice"),
        pytest.param(_put("country_codes", 0, 0xFF), "country_codes", id="no ascii"),
        pytest.param(_put("country_codes", slice(0, 2), [0x49, 0x4E]), "country_codes", id="country twice"),
    ],
)
def test_damaged_arrays_are_refused(damage, message):
    arrays = Gazetteer.from_table(ROWS).to_arrays()
    damage(arrays)
    with pytest.raises(ModelFormatError, match=f"gazetteer: .*{message}"):
        Gazetteer.from_arrays(arrays)


def test_shipped_gazetteer_knows_the_world():
    gazetteer = load_gazetteer()
    entries = {gazetteer.name_of(i): i for i in range(len(gazetteer))}
    assert len(entries) == len(gazetteer) > 30_000
    assert set(gazetteer.countries) <= REGION_OF.keys()
    assert len(gazetteer.countries) > 230
    assert name_countries(gazetteer, entries["الاردن"]) == {"JO": 1.0}
    assert KINDS[gazetteer.kinds[entries["سعوديات"]]] == "people"
    assert entries.keys() >= {"نواكشوط", "ولايه تيزي وزو", "الهلال السعودي"}
    assert "الماءه" not in entries
    assert "المايه" not in entries


def test_shipped_gazetteer_is_built_from_the_aliases():
    gazetteer = load_gazetteer()
    entries = {gazetteer.name_of(i): i for i in range(len(gazetteer))}
    for row in parse_table(ALIASES.read_text(encoding="utf-8")):
        if row.kind not in ("people", "people_form"):
            entry = entries[normalize_text(row.name)]
            assert KINDS[gazetteer.kinds[entry]] == row.kind, row.name
            assert name_countries(gazetteer, entry) == pytest.approx(dict(row.countries), abs=0.006), row.name


def test_aliases_are_in_order():
    rows = parse_table(ALIASES.read_text(encoding="utf-8"))
    for row in rows:
        assert row.kind in (*KINDS, "people_form"), row
        assert row.countries.keys() <= REGION_OF.keys(), row
        assert row.name == " ".join(row.name.split()), row
    names = [(normalize_text(row.name), row.kind == "people" and bool(row.countries)) for row in rows]
    assert len(set(names)) == len(names)
