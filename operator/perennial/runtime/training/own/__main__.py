"""`python -m perennial.runtime.training.own fetch|agent|publish`: the containers around the user's own code."""

import sys

from perennial.runtime.training.environment import fix_threads

if __name__ == "__main__":
    fix_threads()  # before numpy is imported
    from perennial.runtime.training.own.stages import main

    sys.exit(main(sys.argv[1:]))
