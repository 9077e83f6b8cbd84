"""The rules, both ways: what must fire them, and the nearest look-alike that must not."""
