"""python -m campushub."""

from campushub.cli import main

main()
