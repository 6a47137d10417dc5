"""The exit codes of every command."""

OK = 0
# a check failed (a run directory is damaged, a classifier does not work, ...), or a run ended
# below its target confidence
FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130  # by Ctrl-C or SIGTERM
