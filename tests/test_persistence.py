"""The model folder: exact, atomic, and refused whenever something is wrong with it."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from classifier import persistence
from classifier.config import BlockConfig, Config
from classifier.errors import DataError, ModelFormatError
from classifier.persistence import load_scorer, save_scorer
from classifier.training import train

NAMES = ["README.md", "SHA256SUMS", "config.json", "weights.safetensors"]
WEIGHTS, CONFIG, SUMS = "weights.safetensors", "config.json", "SHA256SUMS"


@pytest.fixture
def folder(news_folder, tmp_path):
    """A copy to damage."""
    return shutil.copytree(news_folder, tmp_path / "model")


def sign(folder):
    """Make the sums right again."""
    names = ("README.md", CONFIG, WEIGHTS)
    lines = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / SUMS).write_text("".join(lines))


def change_config(folder, change):
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(json.dumps(config))
    sign(folder)


def change_arrays(folder, change):
    arrays = load_file(folder / WEIGHTS)
    change(arrays)
    save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, folder / WEIGHTS)
    sign(folder)


def assert_refused(folder, reason):
    with pytest.raises(ModelFormatError, match=reason) as caught:
        load_scorer(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert message.isprintable()
    assert len(message) < 800


@pytest.mark.parametrize("kind", ["char", "news"])
def test_round_trip_predicts_the_same_bit_for_bit(request, kind, corpus):
    scorer = request.getfixturevalue(f"{kind}_classifier").scorer_
    loaded = load_scorer(request.getfixturevalue(f"{kind}_folder"))
    assert loaded.predict(corpus.articles) == scorer.predict(corpus.articles)
    for task in scorer.tasks:
        one, two = (s.decision_function(corpus.articles, task) for s in (loaded, scorer))
        assert one.tobytes() == two.tobytes()
        np.testing.assert_array_equal(
            loaded.tasks[task].calibration.thresholds, scorer.tasks[task].calibration.thresholds
        )


def test_saving_again_is_the_same_bit_for_bit(news_folder, tmp_path):
    again = save_scorer(load_scorer(news_folder), tmp_path / "again", card="# Card\n")
    assert sorted(p.name for p in again.iterdir()) == NAMES
    for name in NAMES:
        assert (again / name).read_bytes() == (news_folder / name).read_bytes()


def test_sums_are_those_of_sha256sum(news_folder):
    lines = [line.split("  ") for line in (news_folder / SUMS).read_text().splitlines()]
    assert sorted(name for _, name in lines) == [n for n in NAMES if n != SUMS]
    for digest, name in lines:
        assert hashlib.sha256((news_folder / name).read_bytes()).hexdigest() == digest


def test_arrays_are_mapped_not_read(news_folder):
    scorer = load_scorer(news_folder)
    for array in (*scorer.coefs, *(block.keys for block in scorer.blocks)):
        base = array
        while isinstance(base, np.ndarray) and base.base is not None and not isinstance(base, np.memmap):
            base = base.base
        assert isinstance(base, np.memmap)
        assert not array.flags.writeable


def test_others_may_read_what_they_may_read_of_a_new_file(news_folder, tmp_path):
    (tmp_path / "new").write_text("")
    for name in NAMES:
        assert (news_folder / name).stat().st_mode == (tmp_path / "new").stat().st_mode


def test_extra_is_in_the_configuration(news_classifier, tmp_path):
    folder = save_scorer(news_classifier.scorer_, tmp_path / "m", card="Karte\n", extra={"metrics": {"a": 1}})
    assert json.loads((folder / CONFIG).read_text())["metrics"] == {"a": 1}
    assert (folder / "README.md").read_text() == "Karte\n"
    load_scorer(folder)


def test_loading_imports_no_scikit_learn(news_folder, tmp_path):
    code = (
        "import sys; from classifier.predictor import Predictor; p = Predictor.load(sys.argv[1]);"
        "p.predict(['العراق يعلن فوز الفريق']); print([m for m in ('sklearn', 'pandas', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, news_folder], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Writing


@pytest.mark.parametrize("step", ["_write", "_swap", "_sha256"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_failure_leaves_the_old_folder(char_classifier, folder, monkeypatch, step, error):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def fail(*_):
        raise error

    monkeypatch.setattr(persistence, step, fail)
    with pytest.raises((DataError, KeyboardInterrupt), match=r"No space left on device|^$"):
        save_scorer(char_classifier.scorer_, folder, card="")
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["fault", "ctrl-c"])
@pytest.mark.parametrize("n_before", [0, 1])
def test_a_failure_between_the_renames_puts_the_old_folder_back(char_classifier, folder, monkeypatch, error, n_before):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    rename, calls = os.rename, []

    def fail_once(source, target, **kwargs):
        calls.append(source)
        if len(calls) == n_before + 1:
            raise error
        return rename(source, target, **kwargs)

    monkeypatch.setattr(os, "rename", fail_once)
    with pytest.raises((DataError, KeyboardInterrupt), match=r"Input/output error|^$"):
        save_scorer(char_classifier.scorer_, folder, card="")
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_failure_before_there_was_a_folder_leaves_nothing(char_classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(persistence, "_sha256", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        save_scorer(char_classifier.scorer_, tmp_path / "model", card="")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_model_is_replaced(char_classifier, folder, corpus):
    save_scorer(char_classifier.scorer_, folder, card="")
    assert load_scorer(folder).predict(corpus.articles[:9]) == char_classifier.predict(corpus.articles[:9])
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["thesis.docx", ".git"])
def test_folders_of_something_else_are_left_alone(char_classifier, tmp_path, folder, name):
    (folder / name).write_text("mine")
    with pytest.raises(DataError, match="exists and is not a model folder: choose another --output"):
        save_scorer(char_classifier.scorer_, folder, card="")
    assert (folder / name).read_text() == "mine"


def test_a_file_in_the_folders_place_is_left_alone(char_classifier, tmp_path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(DataError, match="exists and is not a model folder"):
        save_scorer(char_classifier.scorer_, tmp_path / "model", card="")


def test_parent_that_is_a_file(char_classifier, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"model: can't write there: "):
        save_scorer(char_classifier.scorer_, tmp_path / "file" / "model", card="")


# Files


def test_missing_folder(tmp_path):
    assert_refused(tmp_path / "none", "none: no such model folder: train one")


@pytest.mark.parametrize("name", NAMES)
def test_missing_file(folder, name):
    (folder / name).unlink()
    assert_refused(folder, rf"{name}: missing or ")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_truncated_file(folder, name, share):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * share)])
    assert_refused(folder, rf"{name}: (differs from its sum|not a list of sums|must list)|README\.md: differs")


@pytest.mark.parametrize("name", ["README.md", CONFIG, WEIGHTS])
def test_changed_file(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert_refused(folder, rf"{name}: differs from its sum in SHA256SUMS: damaged or changed")


@pytest.mark.parametrize("name", ["model.pkl", ".hidden", "a\nb", "\x1b[31m"], ids=ascii)
def test_foreign_file(folder, name):
    (folder / name).write_bytes(b"")
    assert_refused(folder, "is not part of a model folder: remove it")


def test_foreign_folder(folder):
    (folder / "sub").mkdir()
    assert_refused(folder, "'sub' is not part of a model folder")


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_link(folder, name, tmp_path):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert_refused(folder, rf"{name}: missing or not a plain file")


@pytest.mark.parametrize("name", NAMES)
def test_pipe_that_nobody_writes_to(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert_refused(folder, rf"{name}: missing or not a plain file")


@pytest.mark.parametrize("name", NAMES)
def test_file_of_terabytes(folder, name):
    """It is sparse, so that it fits into a small archive; reading it would take hours."""
    os.truncate(folder / name, 1 << 42)
    assert_refused(folder, rf"{name}: larger than \d+ bytes")


@pytest.mark.parametrize(
    ("sums", "reason"),
    [
        ("", "must list .* got nothing"),
        (f"{'0' * 64}  ../../etc/passwd\n", "must list .* got '../../etc/passwd'"),
        (f"{'0' * 64}  /etc/passwd\n", "must list .* got '/etc/passwd'"),
        (f"{'0' * 64}\n", "not a list of sums"),
        ("\u0661  README.md\n", "not a list of sums"),
        ("x" * 5000, "larger than 4096 bytes"),
    ],
    ids=["empty", "relative", "absolute", "no name", "not ascii", "long"],
)
def test_sums_that_are_none(folder, sums, reason):
    (folder / SUMS).write_text(sums)
    assert_refused(folder, rf"SHA256SUMS: {reason}")


def test_sums_that_name_more(folder):
    with (folder / SUMS).open("a") as file:
        file.write(f"{'0' * 64}  ../secret\n")
    assert_refused(folder, r"SHA256SUMS: must list .*'\.\./secret'")


# What the sums say nothing about: all of these are signed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"9" * 5000, "no JSON|has format None"),
        (b"[]", "has format None"),
        (b'{"format": 0}', "has format 0, this version reads 1: retrain with train.py"),
        (b'{"format": 2}', "has format 2, this version reads 1"),
        (b'{"format": "1"}', "has format '1'"),
        (b'{"format": "' + b"x" * 10_000 + b'"}', "has format 'xxx"),
        (b" " * (1 << 22) + b"{}", "larger than 4194304 bytes"),
    ],
    ids=lambda value: repr(value[:16]) if isinstance(value, bytes) else None,
)
def test_configuration_that_is_none(folder, content, reason):
    (folder / CONFIG).write_bytes(content)
    sign(folder)
    assert_refused(folder, rf"config\.json: {reason}")


def task(config, name="topic"):
    return next(entry for entry in config["tasks"] if entry["name"] == name)


CONFIG_CHANGES = {
    "no tasks": (lambda c: c.update(tasks=[]), "there is no task"),
    "tasks of another type": (lambda c: c.update(tasks=5), "not iterable"),
    "a task of another type": (lambda c: c.update(tasks=["topic"]), "indices must be"),
    "configuration of another type": (lambda c: c.update(configuration=3), "do not fit together"),
    "unknown key": (lambda c: c["configuration"].update(evil=1), "Config has no key 'evil'"),
    "no blocks": (lambda c: c["configuration"].update(blocks=[]), "blocks must be at least one"),
    "block of another type": (lambda c: c["configuration"].update(blocks=[{}]), "zone must be given"),
    "more blocks": (
        lambda c: c["configuration"]["blocks"].append(c["configuration"]["blocks"][0]),
        "missing 'block6.keys'",
    ),
    "fewer blocks": (lambda c: c["configuration"]["blocks"].pop(), "foreign array 'block5"),
    "wide n-grams": (lambda c: c["configuration"]["blocks"][0].update(ngram_range=[1, 99]), "ngram_range must be"),
    "negative n-grams": (lambda c: c["configuration"]["blocks"][0].update(ngram_range=[-1, 5]), "ngram_range must be"),
    "absurd weight": (lambda c: c["configuration"]["blocks"][0].update(weight=1e300), "weight must be"),
    "infinite weight": (lambda c: c["configuration"]["blocks"][0].update(weight=float("inf")), "weight must be"),
    "negative lead": (lambda c: c["configuration"].update(lead_characters=-5), "lead_characters must be"),
    "absurd lead": (lambda c: c["configuration"].update(lead_characters=1 << 70), "lead_characters must be"),
    "blocks of another task": (lambda c: c["configuration"]["blocks"][0].update(tasks=["x"]), "block 0: keys, idf"),
    "task twice": (lambda c: c["tasks"].append(c["tasks"][0]), "task 'topic' is there twice"),
    "task without a name": (lambda c: task(c).pop("name"), "missing 'name'"),
    "task of another name": (lambda c: task(c).update(name=7), "name of a task must be strings"),
    "half a character": (lambda c: task(c)["labels"].__setitem__(0, "\ud800"), "must have a head a label|surrogates"),
    "label twice": (lambda c: task(c)["labels"].append(task(c)["labels"][0]), "labels of 'topic' must be distinct"),
    "label more": (lambda c: task(c)["labels"].append("x"), "heads of 'topic' must be distinct"),
    "label of another type": (lambda c: task(c)["labels"].__setitem__(0, 1), "labels of 'topic' must be strings"),
    "labels of another type": (lambda c: task(c).update(labels="abc"), "labels of 'topic' must be strings"),
    "head more": (lambda c: task(c)["heads"].append("x"), "heads of 'topic' must be distinct"),
    "heads in another order": (
        lambda c: task(c).update(heads=task(c)["labels"][::-1]),
        "must have a head a label, or two",
    ),
    "no labels": (lambda c: task(c).update(labels=[], heads=[]), "must have a head a label"),
    "foreign head": (lambda c: task(c, "country")["heads"].__setitem__(0, "x"), "heads that are none of its labels"),
    "head twice": (lambda c: task(c, "country")["heads"].append("-"), "heads of 'country' must be distinct"),
    "fewer heads": (lambda c: task(c, "country")["heads"].pop(), "intercepts has"),
    "fewer countries": (lambda c: _drop_label(task(c, "country")), "whose countries are among its labels|heads that"),
    "no place": (lambda c: task(c, "country").update(place=None), "must have a head a label"),
    "place more": (lambda c: task(c).update(place=task(c, "country")["place"]), "missing 'place.topic'"),
    "place without": (lambda c: task(c, "country")["place"].pop("ngram"), "missing 'ngram'"),
    "place of text": (
        lambda c: task(c, "country")["place"].update(none="1"),
        "none of 'place.country' must be a finite",
    ),
    "slope of NaN": (lambda c: task(c)["calibration"].update(slope=float("nan")), "slope of 'topic' must be a finite"),
    "slope of infinity": (lambda c: task(c)["calibration"].update(slope=-float("inf")), "slope of 'topic' must be"),
    "absurd slope": (lambda c: task(c)["calibration"].update(slope=10**400), "slope of 'topic' must be a finite"),
    "slope of text": (lambda c: task(c)["calibration"].update(slope="1"), "slope of 'topic' must be a finite"),
    "first of two": (lambda c: task(c)["calibration"].update(first=[1, 2]), "not enough values"),
    "thresholds of two": (lambda c: task(c)["calibration"].update(thresholds=[0, 1]), "thresholds of 'topic' must be"),
    "threshold beyond 1": (
        lambda c: task(c)["calibration"]["thresholds"].__setitem__(0, 1.5),
        "thresholds of 'topic' must be a number of 0 to 1",
    ),
    "threshold of NaN": (
        lambda c: task(c)["calibration"]["thresholds"].__setitem__(0, float("nan")),
        "a threshold of 'topic' must be a finite number",
    ),
    "no labels stated": (lambda c: task(c)["calibration"].update(max_labels=0), "max_labels of 'topic' must be 1 to"),
    "absurd labels": (lambda c: task(c)["calibration"].update(max_labels=1e400), "max_labels of 'topic' must be 1 to"),
    "no calibration": (lambda c: task(c).pop("calibration"), "missing 'calibration'"),
    "no configuration": (lambda c: c.pop("configuration"), "missing 'configuration'"),
    "other characters": (
        lambda c: c["configuration"]["blocks"][0].update(as_written=True),
        "made with other normalization tables",
    ),
    "other normalizer": (lambda c: c.update(normalizer="0" * 64), "made with other normalization tables"),
}


def _drop_label(entry):
    entry["labels"].remove("MN")
    entry["calibration"]["thresholds"].pop()


@pytest.mark.parametrize("name", CONFIG_CHANGES)
def test_changed_configuration(folder, name):
    change, reason = CONFIG_CHANGES[name]
    change_config(folder, change)
    assert_refused(folder, reason)


def test_stems_without_a_gazetteer(corpus, tmp_path):
    config = Config(blocks=(BlockConfig("page", "stem", ngram_range=(1, 2)),), places=None)
    scorer = train(corpus.articles, {"topic": corpus.labels["topic"]}, config)
    folder = save_scorer(scorer, tmp_path / "model", card="")
    assert load_scorer(folder).predict(corpus.articles) == scorer.predict(corpus.articles)
    change_arrays(folder, lambda a: [a.pop(n) for n in list(a) if n.startswith("gazetteer.")])
    assert_refused(folder, "a block of stems masks the names of a gazetteer, and there is none")


def put(name, array):
    return lambda arrays: arrays.update({name: array(arrays[name])})


def with_value(index, value):
    def change(array):
        changed = array.copy()
        changed.flat[index] = value
        return changed

    return change


ARRAY_CHANGES = {
    "missing": (lambda a: a.pop("block0.idf"), "missing 'block0.idf'"),
    "missing intercepts": (lambda a: a.pop("intercepts"), "missing 'intercepts'"),
    "missing places": (lambda a: a.pop("place.country"), "missing 'place.country'"),
    "missing gazetteer": (
        lambda a: [a.pop(n) for n in list(a) if n.startswith("gazetteer.")],
        "needs a gazetteer",
    ),
    "missing part of the gazetteer": (lambda a: a.pop("gazetteer.kinds"), "gazetteer"),
    "foreign": (lambda a: a.update(evil=np.zeros(3, np.float32)), "foreign array 'evil'"),
    "dtype": (put("block0.coef", lambda x: x.astype(np.float32)), "block0.coef must be int8 of 2 dimensions"),
    "dtype of keys": (put("block1.keys", lambda x: x.astype(np.int32)), "block1.keys must be int64"),
    "dtype not known": (put("block1.keys", lambda x: x.astype(np.float64)), "no weights|must be int64"),
    "dimensions": (put("block0.coef", np.ravel), "block0.coef must be int8 of 2 dimensions"),
    "dimensions of idf": (put("block0.idf", lambda x: x[None]), "block0.idf must be float32 of 1 dimension"),
    "shape": (put("block0.coef", lambda x: x[:-1]), "block 0: keys, idf, coef and scale have shapes"),
    "transposed": (put("block0.coef", np.transpose), "block 0: keys, idf, coef and scale have shapes"),
    "short idf": (put("block1.idf", lambda x: x[:-1]), "block 1: keys, idf, coef and scale have shapes"),
    "long scale": (put("block1.scale", lambda x: np.append(x, x[:1])), "block 1: keys, idf, coef and scale"),
    "short intercepts": (put("intercepts", lambda x: x[:-1]), "intercepts has"),
    "place weights": (put("place.country", lambda x: x[:-1]), "'place.country' has"),
    "NaN in idf": (put("block0.idf", with_value(3, np.nan)), "block0.idf holds NaN, infinity"),
    "NaN in scale": (put("block2.scale", with_value(0, np.nan)), "block2.scale holds NaN, infinity"),
    "infinity in intercepts": (put("intercepts", with_value(0, np.inf)), "intercepts holds NaN, infinity"),
    "absurd idf": (put("block0.idf", with_value(0, 1e30)), "block0.idf holds NaN, infinity or a number beyond 1e"),
    "NaN in places": (put("place.country", with_value(0, np.nan)), "place.country holds NaN"),
    "keys not ascending": (put("block0.keys", lambda x: x[::-1]), "block 0: keys must be positive and ascending"),
    "keys repeated": (put("block0.keys", with_value(5, 0)), "block 0: keys must be positive and ascending"),
    "keys negative": (put("block0.keys", with_value(0, -1)), "block 0: keys must be positive and ascending"),
    "keys that overflow": (
        put("block0.keys", lambda x: np.array([*x[:-2], 2**63 - 1, -(2**63)], dtype=np.int64)),
        "block 0: keys must be positive and ascending",
    ),
    "country out of range": (put("gazetteer.name_countries", with_value(0, 9999)), "gazetteer"),
    "word out of range": (put("gazetteer.name_words", with_value(0, 2**30)), "gazetteer"),
    "ends out of range": (put("gazetteer.name_ends", with_value(-1, 2**30)), "gazetteer"),
    "NaN in the gazetteer": (put("gazetteer.weights", with_value(0, np.nan)), "gazetteer"),
}


@pytest.mark.parametrize("name", ARRAY_CHANGES)
def test_changed_arrays(folder, name):
    change, reason = ARRAY_CHANGES[name]
    change_arrays(folder, change)
    assert_refused(folder, reason)


def write_weights(folder, header, data=b""):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)
    sign(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 8,
        b"\xff" * 8,
        b"\xff" * 64,
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 1 << 21) + b"{}" + b" " * (1 << 21),
        struct.pack("<Q", 100) + b"{}",
        b"PK\x03\x04" + b"\x00" * 100,
    ],
    ids=["empty", "short", "zeros", "ones", "many ones", "absurd", "long", "beyond the end", "zip"],
)
def test_weights_that_are_none(folder, content):
    (folder / WEIGHTS).write_bytes(content)
    sign(folder)
    assert_refused(folder, r"weights\.safetensors: no weights: ")


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    "header",
    [
        {"intercepts": entry(offsets=(0, 8))},
        {"intercepts": entry(offsets=(4, 0))},
        {"intercepts": entry(offsets=(-4, 0))},
        {"intercepts": entry(offsets=(0, 1 << 62), shape=(1 << 60,))},
        {"intercepts": entry(shape=(1 << 40, 1 << 40))},
        {"intercepts": entry(shape=(-1,))},
        {"intercepts": entry(dtype="BF16", offsets=(0, 2))},
        {"intercepts": entry(dtype="object")},
        {"intercepts": entry(dtype="\x1b]0;\n" * 1000)},
        {"intercepts": {}},
        {"intercepts": []},
        [],
        b"[" * 10_000,
        b"\xff\xff",
        b"",
        {"a": entry(), "b": entry()},
    ],
    ids=[
        "longer than the file",
        "backwards",
        "negative",
        "absurd offsets",
        "absurd shape",
        "negative shape",
        "bfloat16",
        "objects",
        "what steers a terminal",
        "nothing said",
        "a list",
        "all a list",
        "deep",
        "not UTF-8",
        "no header",
        "overlap",
    ],
)
def test_headers_that_lie(folder, header):
    write_weights(folder, header, b"\0" * 4)
    assert_refused(folder, r"weights\.safetensors: no weights: |do not fit together")


def test_header_with_a_name_twice(folder):
    """The library that checks the header and the parser that reads it may each believe another one."""
    one, other = json.dumps(entry()), json.dumps(entry(shape=(1 << 40,), offsets=(0, 1 << 42)))
    for first, second in ((one, other), (other, one)):
        write_weights(folder, f'{{"intercepts": {first}, "intercepts": {second}}}'.encode(), b"\0" * 4)
        assert_refused(folder, r"weights\.safetensors: no weights: |do not fit together")


def test_a_signed_copy_is_loaded(folder, corpus, news_predictor):
    """The helpers above change what they say and nothing else."""
    change_config(folder, lambda c: None)
    change_arrays(folder, lambda a: None)
    assert load_scorer(folder).predict(corpus.articles[:9]) == news_predictor.predict(corpus.articles[:9])
