"""The command line: exit codes, one-line messages, bad input, and interruptions."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from classifier.cli import main
from classifier.predictor import Predictor

ROOT = Path(__file__).parents[1]
MODEL_FILES = ["README.md", "SHA256SUMS", "config.json", "weights.safetensors"]


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run the command line in this process; return exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*args):
        code = main([str(arg) for arg in args])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def rows(corpus):
    labels = corpus.labels
    return [
        {"id": a.id, "title": a.title, "text": a.text, "topics": t, "countries": c}
        for a, t, c in zip(corpus.articles[:60], labels["topic"], labels["country"], strict=False)
    ]


@pytest.fixture
def train(cli, tmp_path):
    def run(data, *args):
        return cli("train", data, "--output", tmp_path / "model", "--preset", "char", *args)

    return run


def assert_error(result, message, code=1):
    assert result[0] == code
    assert result[1] == ""
    last = result[2].splitlines()[-1]
    assert re.search(f"^error: .*{message}", last), last


def test_train_predict_evaluate(train, cli, write_lines, rows, tmp_path):
    data = write_lines("data.jsonl", *rows)
    code, out, err = train(data, "--json", tmp_path / "figures.json")
    assert code == 0
    assert "topic" in out
    assert err.splitlines()[-1] == f"saved {tmp_path / 'model'}"
    assert set(json.loads((tmp_path / "figures.json").read_text())["tasks"]) >= {"topic", "country"}
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == MODEL_FILES

    code, out, err = cli("predict", data, "--model", tmp_path / "model")
    predictions = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [p["id"] for p in predictions] == [row["id"] for row in rows]
    assert sum(p["topic"][0]["code"] == row["topics"][0] for p, row in zip(predictions, rows, strict=True)) > 50
    assert err == "labelled 60 articles, 0 bad records\n"

    code, out, _ = cli("evaluate", data, "--model", tmp_path / "model", "--json", tmp_path / "scores.json")
    assert code == 0
    assert "security" in out
    assert json.loads((tmp_path / "scores.json").read_text())["tasks"]["topic"]["primary_accuracy"] > 0.8


def test_model_says_what_made_it(train, write_lines, rows, tmp_path):
    data = write_lines("data.jsonl", *rows)
    train(data, "--seed", "3", "--task", "topic=topics", "--task", "country=countries")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert re.fullmatch(rf"{re.escape(str(data))} \(sha256 [0-9a-f]{{64}}\)", config["data"][0])
    assert config["metrics"]["tasks"]["topic"]
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"    train.py {data} --task topic=topics --task country=countries --preset char --seed 3\n" in card
    assert "| security |" in card


def test_same_data_and_seed_same_bytes(train, write_lines, rows, tmp_path):
    data = write_lines("data.jsonl", *rows)
    contents = []
    for _ in range(2):
        assert train(data, "--no-report", "--seed", 3)[0] == 0
        contents.append([(tmp_path / "model" / name).read_bytes() for name in MODEL_FILES])
    assert contents[0] == contents[1]


def test_task_of_the_users_own(train, write_lines, rows, tmp_path):
    data = write_lines("data.jsonl", *({"text": r["text"], "ressort": r["topics"][0]} for r in rows))
    assert train(data, "--task", "section=ressort", "--no-report")[0] == 0
    assert Predictor.load(tmp_path / "model").tasks == ["section"]


def test_base(train, write_lines, rows, news_folder, tmp_path):
    data = write_lines("data.jsonl", *rows)
    args = ("--task", "section=topics", "--base", news_folder, "--preset", "news", "--no-report")
    assert train(data, *args)[0] == 0
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert f"the scores of the model {news_folder}" in card
    assert f"--base {news_folder}" in card
    assert_error(train(tmp_path / "no data", *args[:2], "--base", tmp_path / "nowhere"), "nowhere")  # and at once
    code, _, err = train(data, *args, "--out-of-core")
    assert (code, "--base needs all articles in memory" in err) == (2, True)


def test_several_files(train, write_lines, rows, tmp_path):
    one, two = write_lines("one.jsonl", *rows[:30]), write_lines("two.jsonl", *rows[30:])
    assert train(one, two, "--no-report")[0] == 0
    together = (tmp_path / "model" / "weights.safetensors").read_bytes()
    assert train(write_lines("both.jsonl", *rows), "--no-report")[0] == 0
    assert (tmp_path / "model" / "weights.safetensors").read_bytes() == together


def test_groups_are_held_out_together(train, write_lines, rows):
    data = write_lines("data.jsonl", *({**row, "outlet": "x"} for row in rows))
    assert_error(train(data, "--group", "outlet"), "all articles are one group or duplicates of one: .*use --no-report")


# Wrong usage


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Usage: "),
        (["training"], "No such command"),
        (["predict"], "Missing argument 'INPUT'"),
        (["train", "--preset", "best"], "Invalid value for '--preset'"),
        (["train", "--seed", "x"], "Invalid value for '--seed'"),
        (["predict", "x.jsonl", "--threshold", "2"], "Invalid value for '--threshold'"),
        (["predict", "x.jsonl", "--top", "0"], "Invalid value for '--top'"),
        (["predict", "x.jsonl", "--frobnicate"], "No such option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage(cli, args, message):
    code, _, err = cli(*args)
    assert code == 2
    assert message in err


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "data"])
def test_help(cli, command):
    code, out, err = cli(command, "--help")
    assert (code, err) == (0, "")
    assert "Usage: " in out


@pytest.mark.parametrize("task", ["topic", "=topics", "topic="])
def test_task_without_a_column(train, write_lines, rows, task):
    assert_error(train(write_lines("d.jsonl", *rows), "--task", task), f"--task must be NAME=COLUMN, got '{task}'")


# Bad input


def test_missing_file(train, tmp_path):
    assert_error(train(tmp_path / "none.jsonl"), r"none\.jsonl: No such file or directory")
    assert not (tmp_path / "model").exists()


def test_unknown_suffix(train, tmp_path):
    (tmp_path / "data.docx").write_text("x")
    assert_error(train(tmp_path / "data.docx"), r"data\.docx: unknown format; .*\.jsonl, \.csv")


@pytest.mark.parametrize("command", ["train", "predict", "evaluate"])
def test_column_that_is_not_there(cli, write_lines, char_folder, tmp_path, command):
    data = write_lines("data.jsonl", {"Text": "العراق", "topics": ["security"]})
    where = ("--output", tmp_path / "model") if command == "train" else ("--model", char_folder)
    assert_error(cli(command, data, *where), r"data\.jsonl: no column 'text'; it has 'Text', 'topics' \(did you mean")


def test_label_columns_that_are_not_there(train, write_lines):
    data = write_lines("data.jsonl", {"text": "العراق", "topic": ["security"]})
    assert_error(
        train(data), r"no column 'topics' or 'countries'; it has 'text', 'topic' \(did you mean 'topics'|'topic'"
    )


def test_empty_file(train, tmp_path):
    (tmp_path / "data.csv").write_bytes(b"")
    assert_error(train(tmp_path / "data.csv"), r"data\.csv: the file is empty \(0 bytes\)")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"text": "\xff\xfe", "topics": ["x"]}', "the byte 0xFF, which is not text in this encoding"),
        ('{"text": "', "not valid JSON"),
        ({"text": None, "topics": ["x"]}, "text is null"),
        ('{"text": NaN, "topics": ["x"]}', "text is null"),
        ({"text": " ", "topics": ["x"]}, "text is empty"),
        ({"text": 7, "topics": ["x"]}, "text must be str, got int"),
        ({"id": "starter-gulf-01-01", "text": "x", "topics": ["x"]}, "id 'starter-gulf-01-01' repeats that of 1"),
    ],
    ids=["utf-8", "half a line", "null", "NaN", "empty", "number", "duplicate id"],
)
def test_good_records_are_used_and_bad_ones_reported(train, write_lines, rows, tmp_path, bad, reason):
    data = write_lines("data.jsonl", *rows[:30], bad, *rows[30:])
    code, _, err = train(data, "--no-report")
    assert code == 0
    assert re.search(f"^record 31: .*{re.escape(reason)}", err, re.MULTILINE)
    assert "1 bad records left out\n" in err
    assert (tmp_path / "model").is_dir()


def test_many_bad_records_are_counted(train, write_lines, rows):
    data = write_lines("data.jsonl", *rows, *[{"text": None}] * 9)
    _, _, err = train(data, "--no-report")
    assert err.count("text is null") == 5
    assert "9 bad records left out, 4 not shown\n" in err


def test_ragged_csv(train, tmp_path, rows):
    lines = ["text,topics", *(f'"{r["text"].replace(chr(34), "")}",{r["topics"][0]}' for r in rows)]
    lines.insert(2, "one,two,three")
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, _, err = train(tmp_path / "data.csv", "--no-report")
    assert code == 0
    assert "1 bad records left out" in err


def test_nothing_but_bad_records(train, write_lines, tmp_path):
    data = write_lines("data.jsonl", *[{"text": None, "topics": ["x"]}] * 3)
    assert_error(train(data), r"data\.jsonl: no record has both a text and labels: nothing to learn from")
    assert not (tmp_path / "model").exists()


def test_label_with_one_article(train, write_lines, rows, tmp_path):
    data = write_lines("data.jsonl", *rows, {"text": "خبر عن شيء آخر", "topics": ["unique"]})
    assert train(data)[0] == 0
    assert "unique" in Predictor.load(tmp_path / "model").labels("topic")


def test_single_label_in_all(train, write_lines, rows, tmp_path):
    data = write_lines("data.jsonl", *({"text": r["text"], "topics": ["x"]} for r in rows))
    assert_error(train(data), r"task 'topic' has 1 label\(s\) in \d+ articles: at least 2 are needed")
    assert not (tmp_path / "model").exists()


def test_too_few_to_hold_some_out(train, write_lines):
    data = write_lines(
        "data.jsonl",
        {"text": "فاز الفريق في المباراة", "topics": ["sports"]},
        {"text": "فاز الوزير في الانتخابات", "topics": ["politics"]},
    )
    assert_error(train(data), "--no-report")
    assert train(data, "--no-report")[0] == 0


@pytest.mark.parametrize("path", ["/dev/null/model", "/proc/model"])
def test_output_that_can_not_be_written(cli, write_lines, rows, path):
    data = write_lines("data.jsonl", *rows)
    result = cli("train", data, "--output", path)
    assert_error(result, f"{path}: can't write there: ")
    assert "training" not in result[2]


def test_output_that_is_no_model(cli, write_lines, rows, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").write_text("")
    result = cli("train", write_lines("data.jsonl", *rows), "--output", tmp_path / "mine")
    assert_error(result, "mine: exists and is not a model folder: choose another --output")


def test_starter_corpus_that_is_not_here(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert_error(cli("train"), "run from a checkout of the project, or name files of labelled articles")


def test_configuration_file(train, write_lines, rows, tmp_path):
    (tmp_path / "c.toml").write_text('[[blocks]]\nzone = "title"\nmax_feature = 3\n')
    assert_error(
        train(write_lines("data.jsonl", *rows), "--config", tmp_path / "c.toml"),
        r"c\.toml: .*BlockConfig has no key 'max_feature'.*did you mean 'max_features'",
    )


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_missing_model(cli, write_lines, rows, tmp_path, command):
    result = cli(command, write_lines("data.jsonl", *rows), "--model", tmp_path / "none")
    assert_error(result, "none: no such model folder: train one with `python train.py")


def test_damaged_model(cli, write_lines, rows, char_folder, tmp_path):
    folder = shutil.copytree(char_folder, tmp_path / "damaged")
    with (folder / "weights.safetensors").open("r+b") as file:
        file.truncate(1000)
    result = cli("predict", write_lines("data.jsonl", *rows), "--model", folder)
    assert_error(result, r"weights\.safetensors: differs from its sum")


def test_evaluation_without_known_labels(cli, write_lines, char_folder):
    data = write_lines("data.jsonl", {"text": "العراق", "topics": None})
    assert_error(cli("evaluate", data, "--model", char_folder), "none of the 1 articles has a known label")


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_figures_that_can_not_be_written(cli, write_lines, rows, char_folder, tmp_path, option):
    target = tmp_path / "none" / "file"
    code, _, err = cli("evaluate", write_lines("d.jsonl", *rows), "--model", char_folder, option, target)
    assert code == 1
    assert re.fullmatch(rf"error: .*{re.escape(str(target))}.*", err.splitlines()[-1])


def test_predict_reports_bad_records(cli, write_lines, rows, char_folder, tmp_path):
    data = write_lines("data.jsonl", rows[0], "{", rows[1], {"text": None})
    out = tmp_path / "out.csv"
    code, stdout, err = cli("predict", data, "--model", char_folder, "--output", out)
    assert (code, stdout, err) == (0, "", "labelled 2 articles, 2 bad records\n")
    assert [json.loads(line)["position"] for line in Path(f"{out}.rejects.jsonl").read_text().splitlines()] == [2, 4]


def test_resume(cli, write_lines, rows, char_folder, tmp_path):
    data, out = write_lines("data.jsonl", *rows), tmp_path / "out.jsonl"
    cli("predict", data, "--model", char_folder, "--output", out)
    whole = out.read_bytes()
    out.unlink()
    Path(f"{out}.part").write_bytes(whole[: len(whole) // 2])
    code, _, err = cli("predict", data, "--model", char_folder, "--output", out, "--resume")
    assert code == 0
    assert re.fullmatch(r"labelled \d+ articles, 0 bad records, \d\d from before\n", err)
    assert out.read_bytes() == whole


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_jobs_change_nothing(cli, write_lines, rows, char_folder, jobs):
    data = write_lines("data.jsonl", *({**r, "id": f"{i}{r['id']}"} for i in range(4) for r in rows))
    result = cli("predict", data, "--model", char_folder, "--jobs", jobs)
    assert result[0] == 0
    assert result[1] == cli("predict", data, "--model", char_folder)[1]


def test_unforeseen_system_errors_are_one_line(cli, monkeypatch):
    def fail(*_, **__):
        raise OSError(24, "Too many open files", "data.jsonl")

    monkeypatch.setattr("classifier.streaming.predict_file", fail)
    monkeypatch.setattr("classifier.cli._load", lambda *_: None)
    assert_error(cli("predict", "data.jsonl"), "data.jsonl: Too many open files")


def test_interruption_in_this_process(cli, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("classifier.cli._load", interrupt)
    assert_error(cli("predict", "data.jsonl"), "interrupted: nothing was left half-written", code=130)


# As a process of its own


def start(*args, **kwargs):
    command = [sys.executable, "-m", "classifier", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, **kwargs)


@pytest.mark.parametrize("earlier", [False, True], ids=["no model before", "a model before"])
def test_ctrl_c_while_training(char_folder, tmp_path, earlier):
    output = tmp_path / "models" / "mine"
    if earlier:
        shutil.copytree(char_folder, output)
    # A shell without a terminal makes what it starts in the background deaf to the signal.
    hears = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    process = start("train", "datasets/starter/articles.jsonl", "--output", output, "--no-report", **hears)
    for line in process.stderr:
        if line.startswith("training on"):
            break
    while process.poll() is None:  # more than once: while kernels are loaded, a callback of LLVM may swallow it
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    # CPython dies of the signal if the interrupt passed through an `exec` of a string: 130 for a shell, too.
    assert process.returncode in (130, -signal.SIGINT)
    assert err.strip().splitlines()[-1] == "error: interrupted: nothing was left half-written"
    assert [p.name for p in output.parent.iterdir()] == ["mine"] * earlier
    if earlier:
        assert (output / "SHA256SUMS").read_bytes() == (char_folder / "SHA256SUMS").read_bytes()
        Predictor.load(output)


def test_reader_that_goes_away(char_folder):
    process = start("predict", "datasets/starter/articles.jsonl", "--model", char_folder)
    assert json.loads(process.stdout.readline())["position"] == 1
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1
    process.stderr.close()


def test_stdin_and_output_without_utf_8(char_folder):
    process = start(
        *("predict", "-", "--model", char_folder),
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    out, err = process.communicate('{"id": "\\u0639", "text": "\\u0639\\u0631\\u0627\\u0642"}\n', timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["id"] == "ع"


def test_train_script_is_the_command():
    done = [
        subprocess.run([sys.executable, *args, "--help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        for args in (["train.py"], ["-m", "classifier", "train"])
    ]
    assert done[0] == done[1]
