"""Install the oldest or the newest supported versions of the dependencies, and compare predictions and suite there.

The lower bounds are those of pyproject.toml, `==` in place of `>=`. In each new environment the committed model must
give its recorded predictions, and the scores of the shipped model on the starter corpus must be those of the other
environment; `--suite` also runs the tests.

    python benchmarks/robustness/versions.py
    python benchmarks/robustness/versions.py --suite
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ["pytest>=9.0", "pytest-xdist>=3.6", "hypothesis>=6.120"]
SCORES = """
import sys
import numpy as np
from classifier.data import read_articles
from classifier.predictor import Predictor
predictor = Predictor.load()
articles = read_articles("datasets/starter/articles.jsonl").articles
scores = {task: predictor.scorer.decision_function(articles, task) for task in predictor.tasks}
np.savez(sys.argv[1], **scores)
"""


def requirements(*, oldest):
    """Return what the package needs to run, to read HTML and to fetch."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["data"], *extras["html"]]
    return [name.replace(">=", "==") for name in wanted] if oldest else wanted


def make(place, *, oldest):
    """Make an environment; return its Python."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *requirements(oldest=oldest), *TESTS], check=True)
    return python


def run(python, *args):
    """Run in the checkout, with a cache of kernels of its own."""
    cache = python.parents[1] / "kernels"
    environment = {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(cache), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    subprocess.run([python, *args], cwd=ROOT, env=environment, check=True)


def main():
    """Make both environments and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for the environments, which are kept")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        compare(args.keep or Path(temporary), is_whole=args.suite)


def compare(place, *, is_whole):
    """Compare the scores that both environments give."""
    import numpy as np

    for name in ("oldest", "newest"):
        python = place / name / "bin" / "python"
        if not python.exists():
            make(place / name, oldest=name == "oldest")
        libraries = "numpy", "scipy", "scikit-learn", "pandas", "numba"
        run(python, "-c", f"from importlib.metadata import version as v; print(*((n, v(n)) for n in {libraries}))")
        run(python, "-m", "pytest", "-q", *([] if is_whole else ["tests/test_compatibility.py"]))
        run(python, "-c", SCORES, str(place / f"{name}.npz"))
    with np.load(place / "oldest.npz") as old, np.load(place / "newest.npz") as new:
        for task in old:
            difference = float(np.abs(old[task] - new[task]).max())
            print(f"{task}: {old[task].size:,} scores, largest difference {difference:.2g}")
            if difference > 1e-4:
                sys.exit(1)


if __name__ == "__main__":
    main()
