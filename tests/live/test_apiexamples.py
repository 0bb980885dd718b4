"""Every line of apiexamples, as it stands there."""

import json

from mizu.api.samples import HARMFUL

from .harness import Server

STATE = {
    "needs a mail server or a code": ("forgotpasswordanswer", "forgotpasswordreset", "newusercode"),
    "needs a PIN, a second account or a payment gateway": ("charge", "transfercredit", "cccharge"),
    "needs numbers of the pool": ("getphonenumber", "lockphonenumber", "assignphonenumber"),
    "needs prices": ("rating",),
    "needs prices and trunks, or a call in progress": ("p2p", "callback", "call", "callrating"),
    "needs a file": ("fileupload", "recordupload", "parsegsmcdr"),
    "tells what is wrong with this host": ("doctor", "heartbeat"),
}


def test_every_example_is_ready_and_answers_ok(fresh_server):
    server = fresh_server
    lines = json.loads(server.api("apiexamples", format="json"))["data"]
    left_out = {name for names in STATE.values() for name in names} | set(HARMFUL)
    wrong, run = [], set()
    for line in lines:
        if line["command"] not in left_out:
            answer = server.get(line["request"] + "&format=json")       # a file comes as it is
            run.add(line["command"])
            if '"status": "error"' in answer:
                wrong.append((line["request"], json.loads(answer)["message"]))
    assert wrong == [] and len(run) > 60
    assert [line["command"] for line in lines][-len(HARMFUL):] == list(HARMFUL)
