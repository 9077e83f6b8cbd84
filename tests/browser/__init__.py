"""Tests of what each browser makes of it."""
