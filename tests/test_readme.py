"""The README does what it says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_two_commands_do_all_the_set_up():
    section = re.search(r"^## Set up\n(.*?)^## ", readme(), re.DOTALL | re.MULTILINE).group(1)
    commands = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    assert commands == ["pip install . && python train.py", "pip install '.[test]' && python -m pytest -n 2"]


def test_the_python_example_runs(tmp_path):
    code = re.search(r"```python\n(.*?)```", readme(), re.DOTALL).group(1)
    run = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    first, *spans = run.stdout.splitlines()
    assert first.startswith("security")
    assert first.endswith("['IQ', 'SY']")
    assert len(spans) == 3


def test_every_linked_file_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", readme())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
