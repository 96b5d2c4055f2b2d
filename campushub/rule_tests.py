"""`campushub rules test`: every timeline beside the rules, with its failures by file and line."""

import sys
from pathlib import Path

from contract.configuration import ConfigurationMistakes
from hub.settings import Configuration
from rules.testing import run_test


def run(folder: Path) -> int:
    """Return the exit status: 0 all pass, 1 some fail, 2 the configuration is wrong."""
    try:
        configuration = Configuration(folder / "hub.yaml")
        rules = {identity: rule for identity, (rule, _) in configuration.rules.items()}
        files = sorted((folder / "rules").glob("*/*.test.yaml"))
        failures = [failure for file in files
                    for failure in run_test(file.read_text(encoding="utf-8"), str(file), rules,
                                             configuration.calendar)]
    except ConfigurationMistakes as error:
        print(error, file=sys.stderr)
        return 2
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(files)} files, {len(failures)} failures")
    return 1 if failures else 0
