"""`python -m mediaswitch`: the same as the command `mediaswitch`."""

import sys

from mediaswitch.cli import main

sys.exit(main())
