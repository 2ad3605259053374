"""Make ``python -m podium`` run the command ``podium``."""

from podium.cli import main

main()
