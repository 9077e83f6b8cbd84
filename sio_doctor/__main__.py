"""``python -m sio_doctor``, and where the ``sio-doctor`` script starts."""

import sys


def main() -> int:
    """Runs the command line and returns its exit status."""
    if sys.argv[1:] in (["--version"], ["-V"]):  # answered before anything is imported: editors and CI ask often
        from sio_doctor import __version__

        print(f"sio-doctor {__version__}")
        return 0
    from sio_doctor.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
