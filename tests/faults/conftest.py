"""Lets the tests of this folder import what they share, and the workers of their suites too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
