"""``tiltwise ...`` and ``python -m tiltwise ...``."""

from __future__ import annotations

import sys

from tiltwise.neighbours import check_neighbours


def main() -> None:
    """Exit status 2 and a sentence where another package stands in for ours."""
    try:
        check_neighbours()
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    from recon.cli import main as command

    command()


if __name__ == "__main__":
    main()
