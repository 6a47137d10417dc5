"""Says where not to look for examples: the helpers import peers, which need not be there."""

collect_ignore = ["networks.py", "peers.py"]
