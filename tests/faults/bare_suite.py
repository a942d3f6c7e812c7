"""Carries the short design out as ``cnn-study run`` does, without verdicts, figures and what takes long to import.

Its argument is the folder of results.
"""

import sys
from pathlib import Path

import light


def main():
    light.instead_of_training()

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
