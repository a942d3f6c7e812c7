"""``python -m cnn_study.cli``: the command line, where its script is not on the path."""

from cnn_study.cli import main

main()
