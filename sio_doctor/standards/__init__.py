"""One module for each standard, pure: data in, data out."""
