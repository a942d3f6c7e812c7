"""``cnn-study`` with workers that train nothing: see ``light``, which has to be on ``PYTHONPATH``."""

import sys

import light


def main():
    light.instead_of_training()

    from cnn_study import cli

    cli.main(sys.argv[1:])


if __name__ == "__main__":
    main()
