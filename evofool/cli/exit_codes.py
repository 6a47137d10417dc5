"""The exit codes of every command."""

OK = 0
# a check failed (a run directory is damaged, a classifier does not work, ...), or a run ended
# below its target confidence
FAILED = 1
BAD_INPUT = 2
INVALID = 3  # an audit is not about the classifier that its user means
STOPPED = 4  # an audit ended early: its time was over, or the classifier failed
INTERRUPTED = 130  # by Ctrl-C or SIGTERM
