"""``cnn-study`` with workers that train nothing: see ``light``, which has to be on ``PYTHONPATH``."""

import sys
from multiprocessing.context import ForkServerContext


def main():
    preload = ForkServerContext.set_forkserver_preload
    ForkServerContext.set_forkserver_preload = lambda self, names: preload(self, ["in_place"])

    from cnn_study import cli

    cli.main(sys.argv[1:])


if __name__ == "__main__":
    main()
