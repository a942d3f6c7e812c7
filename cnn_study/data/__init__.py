"""Data sets: what they are, where their bytes come from, the checked cache and what a run draws from it."""
