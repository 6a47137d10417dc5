"""`python -m evofool` and the command `evofool`."""

import sys

from evofool.cli import main

if __name__ == "__main__":
    sys.exit(main())
