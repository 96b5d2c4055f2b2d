"""python -m bench NAME [--json] ..."""

import sys

from bench.runner import run

sys.exit(run(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]))
