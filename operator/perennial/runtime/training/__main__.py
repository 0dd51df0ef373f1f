"""The trainer container's entry point: task in from the environment, exit code and termination message out."""

import sys

from perennial.runtime.training.environment import fix_threads

if __name__ == "__main__":
    fix_threads()  # before numpy is imported
    from perennial.runtime.training.pod import main

    sys.exit(main())
