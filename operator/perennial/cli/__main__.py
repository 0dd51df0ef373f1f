"""`python -m perennial.cli`: the command where no script was installed, as in the operator's image."""

from perennial.cli.main import main

main()
