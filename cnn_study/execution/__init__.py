"""From experiments to stored runs: the plan, and the workers that carry it out."""
