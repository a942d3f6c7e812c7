"""``python -m experiments pooling dropout``: the same as ``cnn-study run pooling dropout``."""

import sys

from cnn_study.cli import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
