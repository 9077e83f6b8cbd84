"""The proof of the cures: complete files, each with one mistake, that are mended with what ``check`` says and then run."""
