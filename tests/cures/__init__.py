"""The proof of the cures: complete files with one mistake each, mended with what ``check`` says, and then run."""
