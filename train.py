"""Train a model from the command line: `python train.py --help`. The same as `python -m classifier train`."""

import sys

from classifier.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
