"""What the benchmarks share: articles, and a description of the machine."""

import os
import platform
import resource
import sys
from importlib.metadata import version
from itertools import islice
from pathlib import Path

from classifier.corpora import load


def article_texts(mirror, n_articles):
    """Return the bodies of the first articles of the ANT archive that have one."""
    texts = (article.text for article in load("ant-v2", mirror) if article.text)
    return list(islice(texts, n_articles))


def sectioned(name, mirror):
    """Return (title, text, section) of the articles of a corpus that have both a text and a section."""
    return [(a.title, a.text, a.section) for a in load(name, mirror) if a.text and a.section]


def resident():
    """Return the highest resident set of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux lets the figure of getrusage start at the parent's.
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def machine():
    """Describe processor and libraries in one line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "numpy", "numba"))
    return f"{_processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, {libraries}"


def _processor():
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        return names[0] if names else platform.machine()
    return platform.processor() or platform.machine()
