"""The sizes at which experiments are made."""

from collections.abc import Mapping

PROFILES: Mapping[str, str] = {
    "smoke": "the embedded digits, minutes: shows that everything works, decides nothing",
    "quick": "subsets of the real images, one to two hours on two cores: directions only",
    "full": "the scale of the papers, days: the only profile compared with published numbers",
}

SCALE = "full"
"""That of the publications."""
