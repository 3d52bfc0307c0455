"""Short versions of the campaigns in benchmarks/robustness: docs/reliability.md has the figures of the long ones."""

import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGNS = Path(__file__).parents[1] / "benchmarks" / "robustness"


@pytest.mark.parametrize(
    ("script", "options", "shown"),
    [
        ("model_folders.py", ("--mutants", "150", "--seed", "7"), "found: 0 as they were, 0 signed again"),
        ("faults.py", ("--predictions", "1", "--trainings", "1", "--articles", "500"), "half-written: nothing"),
    ],
    ids=["model folders", "faults"],
)
def test_campaign(script, options, shown):
    done = subprocess.run([sys.executable, CAMPAIGNS / script, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown in done.stdout
