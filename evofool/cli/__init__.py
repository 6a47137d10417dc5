"""The command line: parses flags, calls the rooms below, prints what they return.

A *command* is a function: its signature is its flags (tyro), its docstring is its help. `commands`
lists all of them, `entry` finds the one that was named, and there is one module per verb or pair
of verbs. Modules that load JAX are imported inside the commands, so that help and refusals answer
at once.
"""

from evofool.cli.commands import COMMANDS
from evofool.cli.entry import main

__all__ = ["COMMANDS", "main"]
