"""``python -m whorl``: the command line."""

from whorl.cli import main

main()
