"""``python -m callredirect``: the command line, where the script ``callredirect`` is not on the path."""

import sys

from callredirect.cli import main

if __name__ == "__main__":
    sys.exit(main())
