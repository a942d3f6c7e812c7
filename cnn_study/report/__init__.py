"""Pages made from stored results and verdicts."""
