import random

import pytest

from mizu.store.options import BY_NAME, OPTIONS, SECTIONS, Option, nearest, parse
from mizu.store.optiontypes import TYPES

# DATA.md chapter 2 and DECISIONS chapters 4 to 6, name by name.
NAMES = """mainaport mainaportudp usemainaport sslportmain sslportweb sipports localtlsport adminport remoteadmin
    httpserver apiv2key httpapikey apiv2md5salt apiv2ipauth trustediplist trustlanip allowtrustedip apitrustediponly
    apideftrustadmin apialtauth apitrustfromconsole apidefneedregister apidefneedlogin apiv2auth trustedproxies
    httpapiencryptkey enablejsonp forcehttpcontenttype defhttpcontenttype httpstrictresponse maxauthfail bantime
    ratelimit_ip ratelimit_user ratelimit_global yourcredittext yourcredittextprefix yourcredittextsuffix
    newusercredit mincreditonroute userautoaddwithowner numberlockseconds noncelifetime defaultcurrency timezone
    country brs_lcr normalizenumbers normalize_clean normalize_localpx minnormalizelength maxcalls maxcallduration
    maxcps sessiontimer rtptimeout externip rtpports rtpengine callbackaccessnumber callbackcallernumber
    anumberhandling callingcardauth ivrbilling maxivrloop ivrtimeout2 banivrauth smsurl smppserver smtpserver
    paymenturl pushkey allowcmd allowsystem allowreboot allowupgrade maxrows dbtimeout domain realm corsorigins
    wsorigins sslcert sslkey passwordstore sipapi hepserver smswait mp3encoder minpasswordlength peakhours
    eveninghours nighthours newuserverify""".split()


def test_every_setting_of_the_books_is_a_row_and_none_is_there_twice():
    assert not set(NAMES) - set(BY_NAME)
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)
    assert all(option.section in SECTIONS and option.type in TYPES and option.help for option in OPTIONS)


@pytest.mark.parametrize("option", OPTIONS, ids=repr)
def test_a_default_is_a_good_value_and_its_text_survives_a_line(option):
    parse(option, option.default)
    assert option.default == option.default.strip() and option.default.isprintable()


def of(type, **limits):
    return Option("x", type, "", "api", "", **limits)


@pytest.mark.parametrize("type, text, value", [
    ("integer", "-5", -5), ("integer", " 007 ", 7), ("flag", "Yes", 1), ("flag", "off", 0), ("flag", "TRUE", 1),
    ("money", "12.5", 12500000), ("money", "-0.000001", -1), ("money", "3", 3000000), ("port", "auto", "auto"),
    ("port", "0", 0), ("port", "65535", 65535), ("port", "", None), ("ports", "5060, 5070", (5060, 5070)),
    ("ports", "0", ()), ("ports", "", ()), ("range", "20000-29999", (20000, 29999)), ("rate", "50", (50, 100)),
    ("rate", "50/60", (50, 60)), ("rate", "0", (0, 0)), ("hours", "22:00-06:30", (1320, 390)),
    ("keys", "a1, b2;c3", ("a1", "b2", "c3")), ("words", "*", ("*",)), ("text", " a ; b ", " a ; b "),
    ("addresses", "10.1.2.3, 192.168.1.7/24 ::1", ("10.1.2.3/32", "192.168.1.0/24", "::1/128")),
    ("addresses", "::ffff:10.0.0.1, ::ffff:10.0.0.0/104", ("10.0.0.1/32", "10.0.0.0/8")), ("addresses", "", ())])
def test_a_text_becomes_its_value(type, text, value):
    assert parse(of(type), text) == value


@pytest.mark.parametrize("type, text", [
    ("integer", ""), ("integer", "1.5"), ("integer", "٣"), ("integer", "1_000"), ("integer", "9" * 30), ("flag", "2"),
    ("flag", ""), ("money", "1.1234567"), ("money", "1e3"), ("money", "."), ("money", "nan"), ("port", "65536"),
    ("port", "-1"), ("port", "any"), ("range", "5-1"), ("range", "80-90"), ("range", "20000"), ("rate", "50/10"),
    ("rate", "x"), ("rate", "-1"), ("hours", "8-18"), ("hours", "24:30-06:00"), ("hours", "25:00-26:00"),
    ("text", "a\nb"), ("text", "a\0"), ("addresses", "example.org"), ("addresses", "10.0.0.300"),
    ("addresses", "10.0.0.0/33"), ("ports", "70000")])
def test_what_does_not_fit_is_refused_in_words(type, text):
    with pytest.raises(ValueError, match="^takes "):
        parse(of(type), text)


def test_limits_and_choices_hold():
    for option, good, bad in ((of("integer", low=1, high=5), "5", "6"), (of("money", low=0, high=1), "1", "1.000001"),
                              (of("seconds", low=1), "1", "0"), (of("text", choices=("a", "b")), "a", "c"),
                              (of("integer", choices=(0, 2)), "2", "1")):
        parse(option, good)
        with pytest.raises(ValueError):
            parse(option, bad)
    with pytest.raises(ValueError, match="takes a whole number from 1 to 5"):
        parse(of("integer", low=1, high=5), "x")
    with pytest.raises(ValueError, match="a port"):
        parse(BY_NAME["mainaport"], "")


def test_the_nearest_name_helps_who_mistyped():
    assert nearest("mainport") == "mainaport" and nearest("BANTIM") == "bantime" and nearest("zzzzzz") is None


def test_secrets_are_marked():
    assert {option.name for option in OPTIONS if option.secret} >= {
        "apiv2key", "httpapikey", "apiv2md5salt", "httpapiencryptkey", "smtppassword", "smpppassword", "pushkey"}


def test_no_text_makes_a_value_fail_with_anything_but_value_error():
    chance = random.Random(7)
    pieces = ["0", "1", "-", "/", ".", ":", ",", " ", "10.0.0.0/8", "::", "auto", "é", "\0", "\ud800", "9" * 20,
              "08:00"]
    accepted = 0
    for _ in range(20_000):
        option = chance.choice(OPTIONS)
        text = "".join(chance.choices(pieces, k=chance.randrange(6)))
        try:
            value = parse(option, text)
        except ValueError as error:
            assert str(error).startswith("takes ")
            continue
        accepted += 1
        assert plain(option, text, value), (option, text, value)
    assert 2000 < accepted < 15_000


def plain(option, text, value):
    """A second reading of the same text, where there is a simple one."""
    word = text.strip()
    if option.choices is not None:
        return value in option.choices
    if option.type in ("integer", "seconds"):
        return value == int(word) and (option.low is None or option.low <= value <= (option.high or value))
    if option.type == "port":
        return value == (word if word == "auto" else int(word) if word else None)
    if option.type == "flag":
        return value == int(word)
    if option.type == "range":
        return "%d-%d" % value == "-".join(str(int(side)) for side in word.split("-"))
    if option.type == "rate":
        return value[0] == int(word.split("/")[0]) and value[1] >= value[0]
    if option.type == "text":
        return value == text
    return True
