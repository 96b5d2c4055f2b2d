"""Where the example configuration and the built console are, installed or in a checkout."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
CONFIG: Final = ROOT / "config"
CONSOLE: Final = ROOT / "dashboards" / "console" / "dist"
