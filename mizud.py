#!/usr/bin/env python3
"""mizud: a VoIP softswitch.  `python3 mizud.py` starts it, `python3 mizud.py --help` lists the rest."""

import sys

if sys.version_info < (3, 11):
    sys.exit("mizud needs Python 3.11 or later, this is %d.%d" % sys.version_info[:2])

from mizu.daemon import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
