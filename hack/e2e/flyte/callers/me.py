"""Prints the user of an accepted token, by the HTTP gateway of the control plane."""

import json
import os
import ssl
import sys
import urllib.error
import urllib.request


def me(token, key="flyte-authorization"):
    request = urllib.request.Request(
        os.environ["ADMIN_URL"] + "/me",
        headers={key: "Bearer " + token, "Accept": "application/json"},
    )
    trust = None
    if request.type == "https":
        trust = ssl.create_default_context(cafile=os.environ["CA"])
    try:
        with urllib.request.urlopen(request, context=trust) as answer:
            print('accepted as "%s"' % json.load(answer)["subject"])
    except urllib.error.HTTPError as refused:
        sys.exit("%d %s" % (refused.code, refused.read().decode()))
