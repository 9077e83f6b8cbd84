"""The network: what is asked, and what came back. Nothing is judged here."""
