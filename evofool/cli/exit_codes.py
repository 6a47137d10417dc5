"""The exit codes of every command."""

OK = 0
FAILED = 1  # a check failed: a run directory is damaged, a classifier does not work, ...
BAD_INPUT = 2
INTERRUPTED = 130  # by Ctrl-C or SIGTERM
