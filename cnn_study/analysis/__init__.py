"""From stored results to verdicts: statistics and decision rules."""
