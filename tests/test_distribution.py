"""What is in the wheel and in the sdist: all that is tracked and belongs there, and nothing else."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tracked():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a checkout")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def built(tracked, tmp_path_factory):
    """Both, built from a copy of what is tracked, with what a checkout collects lying about."""
    place = tmp_path_factory.mktemp("built")
    source = place / "source"
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for name in ("models/mine/config.json", "notes.txt", ".env", "classifier/__pycache__/x.pyc", "build/x.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("secret")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", place / "dist"], cwd=source, check=True)
    return place / "dist"


def test_wheel(built, tracked):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    of_package = {name for name in names if ".dist-info/" not in name}
    assert of_package == {name for name in tracked if name.startswith("classifier/")}
    assert {PurePosixPath(name).name for name in names - of_package} == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "LICENSE")
    }
    assert path.stat().st_size < 20_000_000


def test_sdist(built, tracked):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        assert all(member.isfile() for member in sdist)
        names = {PurePosixPath(name).relative_to(path.name.removesuffix(".tar.gz")) for name in sdist.getnames()}
    assert {str(name) for name in names} == tracked | {"PKG-INFO"}
