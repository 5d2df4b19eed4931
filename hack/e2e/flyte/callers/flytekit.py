#!/usr/bin/env python3
"""Asks for a token as flytekit does: stdin is its own, and stderr is shown only when
the command fails."""

import subprocess
import sys

from me import me

answer = subprocess.run(sys.argv[1:], capture_output=True, text=True)
if answer.returncode != 0:
    sys.exit("failed to run %s, status %d: %s" % (sys.argv[1:], answer.returncode, answer.stderr.strip()))
me(answer.stdout.strip())
