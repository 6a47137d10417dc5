"""The exit codes of every command."""

OK = 0
# a check failed (a run directory is damaged, a classifier does not work, ...), or a run ended
# below its target confidence
FAILED = 1
BAD_INPUT = 2
INVALID = 3  # an audit is not about the classifier that its user means
# ended early: the budget of queries is used up; of an audit, its time, or the classifier failed
STOPPED = 4
INTERRUPTED = 130  # by Ctrl-C or SIGTERM
