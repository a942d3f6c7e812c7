"""The experiments: one module a group of claims, each a page long. Run one with ``python -m experiments.NAME``."""
