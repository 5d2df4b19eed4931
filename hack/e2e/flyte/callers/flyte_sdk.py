#!/usr/bin/env python3
"""Asks for a token as the Flyte 2 SDK does: from an event loop that goes on
meanwhile, and stdin is its own. The header is always authorization."""

import asyncio
import sys

from me import me


async def token():
    process = await asyncio.create_subprocess_exec(
        *sys.argv[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        sys.exit("failed, status %d: %s" % (process.returncode, err.decode().strip()))
    return out.decode().strip()


me(asyncio.run(token()), key="authorization")
