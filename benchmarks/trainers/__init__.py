"""The same networks, trained by this suite and by others: each module has a ``prepare`` that returns what trains."""
