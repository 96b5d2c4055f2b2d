"""`python -m edge_agent --config ... --values ... --data ... --clock ...`."""

import sys

from edge_agent.main import command

if __name__ == "__main__":
    sys.exit(command())
