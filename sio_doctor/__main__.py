"""``python -m sio_doctor``, and where the ``sio-doctor`` script starts."""

import gc
import sys


def main() -> int:
    """Runs the command line and returns its exit status."""
    if sys.argv[1:] in (["--version"], ["-V"]):  # answered before anything is imported: editors and CI ask often
        from sio_doctor import __version__

        print(f"sio-doctor {__version__}")
        return 0
    # Imports and a few dozen answers leave next to no cyclic garbage: looking for it is a tenth of a healthy check.
    gc.set_threshold(100_000, 50, 50)
    from sio_doctor.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
