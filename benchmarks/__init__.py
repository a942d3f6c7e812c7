"""Side-by-side measurements of speed; not part of the tests."""
