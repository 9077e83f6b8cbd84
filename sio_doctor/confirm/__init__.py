"""Asks a real browser on this machine: the same requests, from a page of the chosen origin."""
