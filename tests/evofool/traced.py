"""The command line, noting in a file what it is doing: `python -m tests.evofool.traced FILE ...`.

The note outlives the process: a letter (C while the loop is compiled, G while generations are
computed, - otherwise) and the generation that came next at the time, in eight digits.
"""

import os
import sys

from evofool import cli
from evofool.evolution.calls import Caller


def main() -> int:
    """Runs the command that follows the name of the file."""
    note = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
    call = Caller.call

    def noted(self, state, stop, target):
        letter = "C" if self._advance is None else "G"
        os.pwrite(note, f"{letter}{int(state.next_generation):08d}".encode(), 0)
        result = call(self, state, stop, target)
        os.pwrite(note, b"-", 0)
        return result

    Caller.call = noted
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
