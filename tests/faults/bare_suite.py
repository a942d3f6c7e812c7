"""Carries the short design out as ``cnn-study run`` does, without verdicts, figures and what takes long to import.

Its argument is the folder of results.
"""

import sys
from multiprocessing.context import ForkServerContext
from pathlib import Path


def main():
    preload = ForkServerContext.set_forkserver_preload
    ForkServerContext.set_forkserver_preload = lambda self, names: preload(self, ["in_place"])

    import short

    from cnn_study.execution.local import LocalEngine
    from cnn_study.execution.suite import carry_out
    from cnn_study.results import Store

    folder = Path(sys.argv[1])
    store = Store(folder)
    with store.writing():
        try:
            with LocalEngine(2, folder) as engine:
                report = carry_out([short.design("smoke")], store, engine, lambda event: None)
        finally:
            store.merge()
    return bool(report.failures)


if __name__ == "__main__":
    sys.exit(main())
