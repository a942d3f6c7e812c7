"""Training one run, and choosing the learning rate of an arm."""
