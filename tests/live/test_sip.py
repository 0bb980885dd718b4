"""SIP of the running program: registrations, and the API in a header of SIP."""

import json

import pytest

from mizu.wire.stun import BINDING, REQUEST, SUCCESS, XOR_MAPPED_ADDRESS, parse, read_xor_mapped, render

from .sipsocket import SipSocket

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def phones(server):
    for name in ("sipann", "sipbob"):
        server.api("adduser", u_username=name, u_password=f"pw-{name}", u_credit="5")
    return server


def test_a_phone_registers_and_the_api_tells_of_it(phones):
    with SipSocket(phones.port, "sipann", "pw-sipann") as phone:
        response = phone.ask("REGISTER", "", fields=(("Expires", "600"),))
        assert response.status == 200 and "expires=" in response.get("Contact")
        assert "sipann" in str(phones.api("reguser"))
        assert "Registered" in phones.api("getuser", u_username="sipann", details="statustext")


def test_a_flow_over_udp_is_promised_and_kept_alive_by_stun(phones):
    with SipSocket(phones.port, "sipbob", "pw-sipbob") as phone:
        contact = f'<sip:sipbob@{phone.host}:{phone.own}>;reg-id=1;+sip.instance="<urn:uuid:0-1>"'
        response = phone.ask("REGISTER", "", fields=(("Supported", "path, outbound"), ("Contact", contact)))
        assert response.status == 200 and response.get("Require") == "outbound" and response.get("Flow-Timer") == "29"
        phone.socket.sendto(render(REQUEST, BINDING, bytes(12)), phone.target)
        answer = parse(phone.socket.recv(2048))
        assert answer.kind == SUCCESS
        assert read_xor_mapped(answer.get(XOR_MAPPED_ADDRESS), answer.id) == (phone.host, phone.own)


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(phones):
    answers = []
    for user, password in (("sipann", "wrong"), ("nobody-at-all", "wrong")):
        with SipSocket(phones.port, user, password) as phone:
            response = phone.ask("REGISTER", "")
            answers.append((response.status, sorted(response.fields)))
    assert answers[0] == answers[1] and answers[0][0] == 401


def test_the_api_is_not_in_sip_until_it_is_switched_on(phones):
    with SipSocket(phones.port, "sipann", "pw-sipann") as phone:
        response = phone.ask("OPTIONS", "", fields=(("X-MAPI", "apientry=balance"),))
        assert response.status == 200 and "X-MAPI" not in response.fields and not response.body


def test_a_request_in_a_header_is_answered_in_the_same_header(fresh_server):
    server = fresh_server
    server.api("setini", section="api", key="sipapi", value="1")
    server.api("reload")
    server.api("adduser", u_username="sipann", u_password="pw-sipann", u_credit="5")
    with SipSocket(server.port, "sipann", "pw-sipann") as phone:
        response = phone.ask("MESSAGE", "", fields=(("X-MAPI", "apientry=balance"),))
        assert response.status == 200 and response.get("X-MAPI") == "Your credit is $5.00 USD"
        assert response.body == b"Your credit is $5.00 USD"
        structured = phone.ask("MESSAGE", "", fields=(("X-MAPI", "apientry=getcredit&format=json"),))
        assert json.loads(structured.get("X-MAPI")) == json.loads(structured.body)
        refused = phone.ask("OPTIONS", "", fields=(("X-MAPI", "apientry=listusers"),))
        assert refused.get("X-MAPI").startswith("ERROR: ")
    with SipSocket(server.port, "sipann", "wrong") as phone:
        assert phone.ask("INFO", "", fields=(("X-MAPI", "apientry=balance"),)).status == 401
