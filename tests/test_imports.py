"""What `import classifier` brings, and what it doesn't."""

import importlib
import json
import subprocess
import sys

import pytest

import classifier
from classifier import errors

HEAVY = ["sklearn", "pandas", "numba", "scipy", "rich", "numpy", "pyarrow", "joblib"]


def run(code):
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_import_is_light():
    code = f"import sys, json, classifier; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    assert run(code) == []


@pytest.mark.parametrize(
    ("name", "kept_out"),
    [
        ("ClassifierError", HEAVY),
        ("Article", HEAVY),
        ("Prediction", HEAVY),
        ("Predictor", ["sklearn", "pandas", "rich", "pyarrow"]),
        ("read_articles", ["sklearn", "pandas", "numba", "scipy", "rich", "joblib"]),
    ],
)
def test_names_bring_only_what_they_need(name, kept_out):
    code = f"import sys, json, classifier; classifier.{name}; print(json.dumps([*sys.modules]))"
    assert not set(kept_out) & set(run(code))


def test_all_is_importable():
    names = ", ".join(classifier.__all__)
    code = f"import json; from classifier import {names}; print(json.dumps([x.__name__ for x in ({names})]))"
    assert run(code) == classifier.__all__


def test_all_is_what_there_is():
    assert classifier.__all__ == sorted(classifier.__all__)
    assert dir(classifier) == classifier.__all__
    assert run("import json; from classifier import *; print(json.dumps([n for n in dir() if n[0] != '_']))") == sorted(
        [*classifier.__all__, "json"]
    )


def test_all_errors_are_there():
    assert set(errors.__all__) <= set(classifier.__all__)
    for name in errors.__all__:
        assert issubclass(getattr(classifier, name), classifier.ClassifierError)


def test_evaluate_stays_the_function():
    """A submodule has its name."""
    importlib.import_module("classifier.evaluate")
    assert callable(classifier.evaluate)
    code = "import json, classifier.evaluate, classifier.report, classifier; print(json.dumps(callable({})))"
    assert run(code.format("classifier.evaluate")) is True
    code = "import json, classifier; f = classifier.evaluate; import classifier.training_run; print(json.dumps({}))"
    assert run(code.format("classifier.evaluate is f")) is True


def test_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'classifier' has no attribute 'Classifier'"):
        classifier.Classifier  # noqa: B018
