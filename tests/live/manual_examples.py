"""Every example of the manual in its order: what it answers here, or why it waits.

A row holds the example as the manual prints it.  test_manual.py reads the manual itself, where it is at hand, and
fails on an example that has no row.  `{NAME}` in a row is what many examples have in common, below.
"""

import re
from collections import namedtuple

Example = namedtuple("Example", "printed says who fill first then public code waits")
"""printed  as in the manual
says     regular expression for the beginning of the answer's text; "" where that is tested elsewhere
who      user name in place of a placeholder
fill     {text: text} replaced in what is printed
first    SQL by an administrator before it
then     (SQL, the text of its answer) afterwards
public   command that a row of tb_api opens to everybody while it runs
code     of the answer
waits    why there is no such command, or no such use of it, yet
"""

MD5 = "&authmd5=MD5"
USER = f"authkey=KEY&authid=USRNAME{MD5}"
USERNAME = f"authkey=KEY&authid=USERNAME{MD5}"
ADMIN = "authkey=APIKEY&authid=ADMINUSERNAME&authpwd=ADMINPASSWORD"
SALTED = "authkey=AUTHKEY&authid=ADMIN&authmd5=ADMINPWD&authsalt=SALT"
VOIPADMIN = "authkey=1393185105&authid=voipadmin&authmd5=e486c239327e8d1c49c6e693674129fe&authsalt=8661369"
VOIP_ADMIN = "authid=voip_admin&authmd5=2db2eb29f59f413a2fd8d5056cba9b7d&authsalt=7858858"
VFOX = "authkey=31796042&authid=vfoxadmin&authmd5=34723d90476e19758e99110fc4e31d3b&authsalt=530586&authsalt2=232079"
PHONE101 = "authkey=31796042&authid=101&authmd5=be23e68277b494ad1680f3f764ac59e&authsalt=530586&authsalt2=232079"
DDD = "authkey=777&authid=ddd&authmd5=02900aa52dbadd1e389931b3e24f12b2&authsalt=8617671"
NEW = ("u_username=NEWUSERNAME&u_password=PASSWORD&u_name=NAME&u_email=EMAIL&u_phone=PHONE&u_currency=USD"
       "&u_country=USA&u_address=x")

_LATER = {
    "messages": "sms", "recordings": "voicerecdownload",
    "requests to other servers": "jppget",
}
LATER = {command: f"comes with the {part}" for part, commands in _LATER.items() for command in commands.split()}
"""{command: why it is not there}"""

ACCOUNTS = """insert into tb_users (id, username, password, type, parentid, name, credit, currency, status, statusdate)
    values (5, 'five', 'five-pw', 0, 0, 'Number Five', 0, 'USD', 0, ''),
    (55, 'fiftyfive', 'fiftyfive-pw', 0, 0, 'User 55', 3, 'USD', 0, ''),
    (888, 'operator', 'operator-pw', 1, 0, 'An operator', 0, 'USD', 0, ''),
    (1002, 'owner', 'owner-pw', 2, 0, 'An owner', 0, 'USD', 0, ''),
    (1003, 'child', 'child-pw', 0, 1002, 'Below 1002', 0, 'USD', 0, ''),
    (1111, '1111', '1111-pw', 0, 0, '', 5, 'USD', 0, ''), (1234, 'goner', 'goner-pw', 0, 0, '', 0, 'USD', 0, ''),
    (2001, 'john', 'john-pw', 0, 0, 'John', 123.456, 'USD', 0, ''),
    (2002, '3037', '3037-pw', 0, 0, '', 7, 'EUR', 0, ''), (2003, 'testuser', 'testuser-pw', 0, 0, '', 0, 'USD', 0, ''),
    (2004, 'USER_TO_QUERY', 'x', 0, 0, '', 0, 'USD', 1, getdate()), (2005, 'gateway', 'x', 9, 0, '', 0, '', 0, ''),
    (3001, 'voipadmin', 'voipadmin-pw', 16, 0, '', 0, 'USD', 0, ''),
    (3002, 'voip_admin', 'voip_admin-pw', 16, 0, '', 0, 'USD', 0, ''),
    (3003, 'MizuTech_support', 'MizuTech_support-pw', 16, 0, '', 0, '', 0, ''),
    (3004, 'fjuranibiotechcom', 'fjuranibiotechcom-pw', 15, 0, '', 0, '', 0, ''),
    (3005, 'ever_admin', 'ever_admin-pw', 15, 0, '', 0, '', 0, ''),
    (3006, 'vfoxadmin', 'vfoxadmin-pw', 15, 0, '', 0, '', 0, ''), (3007, 'ddd', 'ddd-pw', 15, 0, '', 0, '', 0, '')"""
"""Who the examples speak of; a password is the user name and -pw."""

CALLS = """insert into tb_cdrs (callerid, calledid, datum, callednumber, realduration, sipcallid)
    values (2001, 2005, getdate(), '3630111222', 65, 'xyz'), (2001, 2005, getdate(), '3630111222', 0, 'zyx')"""

PINS = """insert into tb_prepaidcodes (pin, value)
    values ('PINCODE', 4), ('PINCODE2', 4), ('7777', 2.5)"""

PRICE_LIST = "insert into tb_billentries (id, name) values (1, 'Standard')"
PRICES = """insert into tb_billingtimes (entryid, prefix, destination, price)
    values (1, '', 'Anywhere', 0.05), (1, '36', 'Hungary', 0.1), (1, '3630', 'Hungary mobile', 0.125)"""

TRUNK = "update tb_users set domainname = '127.0.0.1', port = 9 where username = 'gateway'"
ROUTE = "insert into tb_routing (name, serverid, prefix) values ('gateway', 2005, '')"
"""Where calls go: to a port where nobody listens."""

NUMBERS = """insert into tb_telnumbers (number) values ('01888888'), ('3456'), ('3611000001'), ('3611000002'),
    ('3611000003'), ('3611000004'), ('3611000005'), ('3611000006'), ('3611000007'), ('3611000008')"""

PLACEHOLDERS = {
    "USRNAME": "john", "USERNAME": "john", "ADMINUSERNAME": "voipadmin", "ADMIN": "voipadmin", "CURRENCY": "USD",
}
"""What else stands for something: names of accounts, and a currency that there is."""


def runs(printed, says="OK", who="", fill={}, first="", then=(), public="", code=200):
    return Example(printed, says, who, fill, first, then, public, code, "")


def waits(printed):
    command = next((name for name in LATER if f"apientry={name}&" in printed or f"/{name}?" in printed
                    or printed.startswith(name + ",")))
    return Example(printed, ".*ERROR: unknown command", "", {}, "", (), "", 404, LATER[command])


USER_ADDED = r"OK: user added, user_id: \d+\nuser_id: \d+\nusername: new[\w]+$"
STATUS = r"OK\nid: 1111\nusername: 1111\nstatustext: Not Used$"
CALLED = r"OK: call initiated\ndbcallid: \d+\ncallid: \w+@p2p$"
NO_MENU = "ERROR: the voice menu that asks for the number is not there: send bnum$"
CUSTOM_SQL = "select customsql from tb_api where fname = "
COMMENT = "select comment from tb_users where username = "
RECORDS = r"id\tdatum\t[^\n]*\n2\t[^\n]*\tzyx\t[^\n]*\n1\t[^\n]*\txyz\t[^\n]*$"
TOTAL = r"cdrc\tsl\tasr\tacd\n2\t65\t50.0\t65.0$"
JSON_TEST = """{
  "code": 200,
  "status": "success",
  "success": true,
  "message": "OK: api test succeed",
  "data": null,
  "frequest": "apitest1"
}"""
JSON_FAILED = """{
  "code": 400,
  "status": "error",
  "error": true,
  "message": "ERROR: missing user input",
  "data": null,
  "frequest": "getuser"
}"""
PRINTED_ANSWERS = [JSON_TEST, JSON_FAILED]
"""In their order; a row whose answer is one of them gives it byte for byte."""

GET_USER = "select * from tb_users where username = '[SPARAM]'"
SET_COMMENT = "*update tb_users set comment = '[SPARAM2]' WHERE username = '[SPARAM1]'"
FRESH_1234 = "insert into tb_users (id, username, password) values (1234, 'goneragain', 'x')"

EXAMPLES = [
    # Quick start
    runs("http://domain.com/mvapireq/?apientry=apitest1", "OK: api test succeed$"),
    runs("http://domain.com/mvapireq/?apientry=balance&authid=USRNAME", r"Your credit is \$123.46 USD$",
         public="balance"),
    runs("http://domain.com/mvapireq/?apientry=balance&authkey=KEY&authid=USRNAME&authpwd=PASSWORD",
         r"Your credit is \$123.46 USD$"),
    runs(f"http://domain.com/mvapireq/?apientry=balance&{USER}", r"Your credit is \$123.46 USD$"),
    runs(f"http://domain.com/mvapireq/?apientry=callback&{USER}&anum=PHONE1&ivr=-1", NO_MENU, code=501),
    runs(f"http://domain.com/mvapireq/?apientry=p2p&{USER}&anum=PHONE1&bnum=PHONE2",
         "ERROR: PHONE1: 404 PHONE1 is nobody here$", code=404),      # a call would leave a record; they are counted
    waits(f"http://domain.com/mvapireq/?apientry=sms&{USER}&anum=PHONE1&bnum=PHONE2&txt=TEXT"),
    runs(f"http://domain.com/mvapireq/?apientry=rating&{USER}&bnum=PREFIX_OR_NUMBER",
         r"0.05 USD/min, Destination: Anywhere$"),
    runs(f"http://domain.com/mvapireq/?apientry=charge&{USER}&anum=PINCODE&now",
         r"OK: credit is 4.00 USD\n.*amount: 4.0$", who="child"),
    runs(f"http://domain.com/mvapireq/?apientry=addcredit&{USER}&credit=AMMOUNT", "OK: credit is 5.00 USD\n",
         who="five", fill={"AMMOUNT": "5"}),
    runs(f"/mvapireq/?apientry=apitest&{USER}", "OK: api test succeed$"),
    runs("ws://yourserveraddress/mvstwebsocket/", "OK: api test succeed$"),

    # Request/response format
    runs("http://SERVER/mvapireq/?apientry=function¶meter1=value1",
         r"OK: api test succeed.*\nparameter parameter1: value1$", fill={"=function": "=apitest2"}),
    runs("key=value", r"OK: api test succeed.*\nsyntax: ini\n.*\nparameter key: \*\*\*$"),
    waits("http://SERVERADDRESS/mvapireq/jppget?url=..."),
    runs("http://domain.com/mvapireq/?apientry=apitest1&format=json", JSON_TEST),
    runs("http:// 10.2.2.2/mvapireq/?apientry=apitest1&format=json", JSON_TEST),
    runs(f"http://10.2.2.2/mvapireq/?apientry=getuser¶m=all&format=json&{VOIPADMIN}", JSON_FAILED, code=400),

    # Shared service port, Authentication
    runs("http://myserver.com/mvapi/?apientry=balance&authid=testuser", r"Your credit is \$0.00 USD$",
         public="balance"),
    runs("http://serveraddress.com/mvapireq/?apientry=balance&authid=USERNAME", r"Your credit is \$123.46 USD$",
         public="balance"),

    # Custom
    runs(GET_USER, re.escape(GET_USER) + "$", fill={GET_USER: CUSTOM_SQL + "'custom_get_user'"}),
    runs(f"http://10.1.1.20/mvapireq/?apientry=custom_get_user&SPARAM=john&{SALTED}&format=json",
         r'\{\n  "code": 200,.*"data": \[\n    \{\n      "id": 2001,\n      "username": "john",'),
    runs(SET_COMMENT, re.escape(SET_COMMENT) + "$", fill={SET_COMMENT: CUSTOM_SQL + "'custom_set_user_comment'"}),
    runs(f"http://10.1.1.20/mvapireq/?apientry=custom_set_user_comment&sparam1=john&sparam2=yeees&{SALTED}",
         "OK: 1 rows$", then=(COMMENT + "'john'", "yeees")),
    runs("{select top 1 callednumber from tb_cdrs with(nolock) where callerid = USERID}", "3630111222$",
         fill={"{": "", "}": "", "USERID": "2001"}),

    # List users
    runs("credit > 100 and postpaid < 1", r"id\tusername\n2001\tjohn$"),
    runs(f"http://10.2.0.72/mvapireq/?apientry=listusers&u_type=9&format=json&{ADMIN}",
         r'.*"data": \[\n    \{\n      "id": 2005,\n      "username": "gateway"\n    \}'),
    runs("http://10.2.0.72/mvapireq/?apientry=listusers&limit=0&fields=1&u_type=0&active=1"
         f"&details=basic-statustext-runtime&{ADMIN}",
         r"id\tusername\t.*\tstatustext\truntime\n2004\tUSER_TO_QUERY\t[^\n]*\tRegistered\t$"),
    runs("http://192.168.52.133/mvapireq/?apientry=listusers&parentinclusive=1002&pcr=true"
         f"&details=basic-currentcalls-statistics&statdays=3&skipnullfields=true&{VOIPADMIN}&now=555",
         r'id\tusername\t[^\n]*children\n1002\towner\t[^\n]*"username":"child"[^\n]*$'),

    # Add user
    runs(f"http://192.168.52.133/mvapireq/?apientry=adduser&u_username=atest1&{VOIPADMIN}",
         r"OK: user added, user_id: (\d+)\nuser_id: \1\nusername: atest1\npassword: \w{8,}$",
         then=("select type, needauth from tb_users where username = 'atest1'", "type\tneedauth\n0\t4")),
    runs("http://192.168.52.133/mvapireq/?apientry=adduser&u_type=0&u_name2=atest2&u_username=atest2"
         f"&u_password=rand2&u_credit=1&u_potpaid=0&sync=2&{VOIPADMIN}", r"OK: user added, user_id: \d+\n",
         then=("select name2, credit, postpaid from tb_users where username = 'atest2' and password = 'rand2'",
               "name2\tcredit\tpostpaid\natest2\t1.0\t0")),
    runs("http://192.168.52.133/mvapireq/?apientry=adduser&u_type=0&u_isoperator=0&u_parentid=888"
         f"&u_username=atest3&u_password=rand3&u_potpaid=0&{VOIPADMIN}", r"OK: user added, user_id: \d+\n",
         then=("select parentid from tb_users where username = 'atest3'", "888")),
    runs("http://192.168.52.133/mvapireq/?apientry=adduser&u_username=in_trunk1&u_type=5&u_needauth=1"
         f"&u_authip=5.5.5.5&u_authip2=6.6.6.6&u_credit=100&u_postpaid=0&{VOIPADMIN}",
         r"OK: user added, user_id: \d+\n",
         then=("select u.authip, a.authip as more, credit from tb_users u join tb_users_authip a on a.userid = u.id"
               " where username = 'in_trunk1'", "authip\tmore\tcredit\n5.5.5.5\t6.6.6.6\t100.0")),
    runs("http://192.168.52.133/mvapireq/?apientry=adduser&u_username=out_trunk1&u_type=9&u_ip=7.7.7.7"
         f"&u_port=5060&u_protocol=0&{VOIPADMIN}", r"OK: user added, user_id: \d+\n",
         then=("select ip, port, priority from tb_users u join tb_routing r on r.serverid = u.id"
               " where username = 'out_trunk1'", "ip\tport\tpriority\n7.7.7.7\t5060\t7")),

    # Set user details, Get user details
    runs(f"http://192.168.52.133/mvapireq/?apientry=setuser&u_username=john&u_comment=changed&{VOIPADMIN}", "OK$",
         then=(COMMENT + "'john'", "changed")),
    runs("details=basic", r"OK\nid: 2001\nusername: john\nname: John\n.*\ncredit: 123.456\n"),
    runs("details=basic-typetext-statistics", r"OK\n.*\ntypetext: end ?user\ncdrc: 2\nsl: 65\nasr: 50.0\nacd: 65.0$"),
    runs("u_id=5", r"OK\nid: 5\nusername: five$"),
    runs("details=basic", r"OK\nid: 2001\nusername: john\nname: John\n"),
    runs(f"http://10.1.1.1/mvapireq/?apientry=getuser&u_id=5&details=basic-statustext&{VOIPADMIN}",
         r"OK\nid: 5\nusername: five\nname: Number Five\n.*\nstatustext: Not Used$"),
    runs(f"http://10.1.1.1/mvapireq/?apientry=getuser&u_username=john&details=all&format=json&{VOIPADMIN}",
         r'(?!.*john-pw)\{\n  "code": 200,.*"data": \{\n    "id": 2001,\n    "username": "john",.*"credittext"'),
    runs("https://yourserver.com/mvapireq/?apientry=getuser&u_username=1111&details=runtime&authkey=7799315"
         f"&{VOIP_ADMIN}", r"OK\nid: 1111\nusername: 1111\nruntime: $"),
    runs("https://yourdomain.com/mvapireq/?apientry=getuser&u_username=1111&details=statustext&authkey=12345"
         f"&{VOIP_ADMIN}", STATUS),
    runs("https://yourdomain.com/mvapireq/?apientry=getuser&u_username=1111&details=statustext-runtime"
         f"&authkey=12345&{VOIP_ADMIN}", STATUS.replace("$", r"\nruntime: $")),
    runs("https://yourdomain.com/mvapireq/?apientry=getuser&u_username=1111&details=basic-statustext-runtime"
         f"&authkey=12345&{VOIP_ADMIN}", r"OK\nid: 1111\n.*\ncredit: 5.0\n.*\nstatustext: Not Used\nruntime: $"),
    runs("https://yourdomain.com/mvapireq/?apientry=getuser&u_username=1111&details=all&authkey=12345"
         f"&{VOIP_ADMIN}", r"OK\nid: 1111\n.*\ncredittext: \$?5.00 ?USD"),

    # Delete, disable, enable; calls
    runs(f"http://192.168.52.133/mvapireq/?apientry=deluser&u_id=1234&{VOIPADMIN}", "OK: user deleted$",
         then=("select count(*) from tb_users where id = 1234", "0")),
    runs(f"http://192.168.52.133/mvapireq/?apientry=disableuser&u_id=1234&disabletype=3&{VOIPADMIN}",
         "OK: user disabled$", first=FRESH_1234,
         then=("select username, enabled, temporarydisabled from tb_users where id = 1234",
               "username\tenabled\ttemporarydisabled\ngoneragain_disabled_1234\t0\t1")),
    runs(f"http://10.2.0.72/mvapireq/?apientry=currentcalls&{ADMIN}", "OK: none$"),

    # NewUser API examples
    runs(f"https://sip.autoservice.ltd/mvapireq/?apientry=newuseru&authkey=97275263&{NEW}&deviceid=DEVICEID&now=555",
         USER_ADDED),
    runs("https://sip.autoservice.ltd/mvapireq/?apientry=newuseri&authkey=97275263&authid=voip_admin"
         f"&authmd5=c2b9d08390a1d653478d42dc1abd7439&authsalt=9457612&{NEW}&credit=5&now=555", USER_ADDED),
    runs("http://11.11.11.11:8088/mvapireq/?apientry=newuseri&authkey=75739802&authid=MizuTech_support"
         "&authmd5=633b935c465a83054449575db1de4c9e&authsalt=8275681&authsalt2=6406731&u_username=HE"
         "&u_password=testpassword12234&u_name=HE&u_email=EMAIL&u_phone=PHONE&u_currency=AUD&u_country=AU"
         "&u_address=x&credit=5&now=555", r"OK: user added, user_id: \d+\nuser_id: \d+\nusername: HE$",
         then=("select name, email, phone, currency, country, address, credit from tb_users where username = 'he'",
               "name\temail\tphone\tcurrency\tcountry\taddress\tcredit\nHE\tEMAIL\tPHONE\tAUD\tAU\tx\t5.0")),
    runs("http://11.11.11.11:8080/mvapireq/?apientry=newuseri&authkey=1797368488&authid=fjuranibiotechcom"
         f"&authmd5=f3ce3b8cbbf1249e23c5c418ab653118&authsalt=3554881&{NEW}&credit=5&now=555", USER_ADDED),
    runs("http://11.11.11.11:8020/mvapireq/?apientry=newuseri&authkey=1900228177&authid=voipadmin"
         f"&authmd5=4efc31ad0fac90a51e6a5192fe29cab7&authsalt=9750607&{NEW}&credit=5&now=555", USER_ADDED),
    runs("http://10.2.0.72/mvapireq/?apientry=addserver&authkey=23879556&authid=voip_admin"
         "&authmd5=ccb612764b35204ed0d212bb80ef931a&authsalt=8394206&u_name=NAME&u_domain=xxx.tokuvoip.com&now=711",
         r"OK: server added, user_id: (\d+)\nuser_id: \1\nusername: NAME\nsender_id: \d+\nsender_username: NAME_in\n",
         then=("select username, type, needauth, domainname, port, authip from tb_users where name = 'NAME'"
               " and type > 0 order by type desc",
               "username\ttype\tneedauth\tdomainname\tport\tauthip\nNAME\t9\t1\txxx.tokuvoip.com\t5060\t\n"
               "NAME_in\t5\t1\t\t0\txxx.tokuvoip.com")),

    # Credit
    runs("http://11.11.11.11:32658/mvapireq/?apientry=balance&authkey=66541228&authid=3037&authmd5=xxx",
         r"Your credit is €7.00 EUR$"),
    runs(f"http://domain.com/mvapireq/?apientry=balance&u_username=john&{USER}", r"Your credit is \$123.46 USD$",
         who="voipadmin"),
    runs(f"http://domain.com/mvapireq/?apientry=getcredit&u_id=55&{USER}",
         r"OK\ncredit: 3.0\ncurrency: USD\npostpaid: 0$", who="voipadmin"),
    runs(f"http://domain.com/mvapireq/?apientry=setcredit&u_id=55&u_credit=10&{USER}", r"OK: credit is 10(.00)? USD",
         who="voipadmin", then=("select credit from tb_users where id = 55", "10.0")),
    runs(f"http://domain.com/mvapireq/?apientry=changecredit&u_id=55&u_credit=8&{USERNAME}", r"OK: credit is 18",
         who="voipadmin", first="update tb_users set credit = 10 where id = 55",
         then=("select top 1 amount, balance, actor from tb_ledger where userid = 55 order by id desc",
               "amount\tbalance\tactor\n8.0\t18.0\tvoipadmin")),
    runs(f"http://domain.com/mvapireq/?apientry=changecredit&pin=7777&{USERNAME}", "OK: credit is ", who="child",
         then=("select top 1 amount, kind from tb_ledger where userid = 1003 order by id desc",
               "amount\tkind\n2.5\trecharge")),
    runs(f"http://domain.com/mvapireq/?apientry=addcredit&{USERNAME}&credit=AMMOUNT", "OK: credit is ",
         who="five", fill={"AMMOUNT": "0.5"},
         then=("select top 1 amount from tb_ledger where userid = 5 order by id desc", "0.5")),
    runs(f"http://domain.com/mvapireq/?apientry=charge&{USERNAME}&anum=PINCODE&now", "OK: credit is ",
         who="child", fill={"PINCODE": "PINCODE2"},
         then=("select usedby from tb_prepaidcodes where pin = 'PINCODE2'", "1003")),
    runs("https://domain.com/mvapireq/?apientry=rating&authkey=14150857&authid=1111&authmd5=xxx&authsalt=3020822"
         "&bnun=3630", r"0.125 USD/min, Destination: Hungary mobile$"),
    runs(f"http://domain.com/mvapireq/?apientry=rating&{USERNAME}&bnun=PREFIX_OR_NUMBER",
         r"0.10 USD/min, Destination: Hungary$", fill={"PREFIX_OR_NUMBER": "36"}),
    runs("http://serverdomain:8080/mvapireq/?apientry=rating&authkey=31796042&authid=USERNAME&authmd5=MD5VALUE"
         "&authsalt=MD5SALT&anum=CALLEDNUMBER", r"0.125 USD/min, Destination: Hungary mobile$",
         fill={"CALLEDNUMBER": "%2B36301234567"}),

    # Call records
    runs(f"http://192.168.52.133/mvapireq/?apientry=cdr&days=1&limit=0&{VOIPADMIN}", RECORDS),
    runs(f"http://192.168.52.133/mvapireq/?apientry=cdr&u_id=55&days=30&dir=out&limit=0&{VOIPADMIN}", "OK: none$"),
    runs("http://{host}/mvapireq/?apientry=cdr&authkey={authkey}&authid=admin&authmd5={authmd5}&authsalt={authsalt}"
         "&maxcount=100&days=30&fields=all", RECORDS),
    runs("days=today&by=all", r"cdrc\tsl\t.*\n2\t65\t[^\n]*$"),
    runs("days=thismonth&by=all", r"cdrc\tsl\tendusercost\tprovidercost\n2\t65\t0.0\t0.0$"),
    runs("days=today&by=all&fields=all", r"cdrc\tsl\t[^\n]*\tprofit\n2\t65\t[^\n]*\t0.0$"),
    runs("days=today", RECORDS),
    runs("days=lastweek", RECORDS),
    runs("days=lastmonth", RECORDS),
    runs("days=thismonth&summary=yes", RECORDS.replace("$", r"\nsummary\t[^\n]*\t65\t[^\n]*$")),
    runs("days=10&caller=123&prefix=40", "OK: none$"),
    runs("days=lastweek&dir=in&type=notconnected", r"id\t[^\n]*\n2\t[^\n]*\tzyx\t[^\n]*$"),
    runs("stats=asr", "50.0$"),
    runs("stats=cdrc-sl-asr-acd", TOTAL),
    runs("by=calleruser", r"calleruser\tcdrc\tsl\t[^\n]*\njohn\t2\t65\t[^\n]*$"),
    runs("by=day-hour", r"day\thour\tcdrc\tsl\t[^\n]*\n\d\d-\d\d\t\d+\t2\t65\t[^\n]*$"),
    runs(f"http://192.168.52.133/mvapireq/?apientry=cdr&days=1&by=all&statistics=cdrc-sl-asr-acd&{VOIPADMIN}", TOTAL),
    runs("http://192.168.52.133/mvapireq/?apientry=cdr&days=lastmonth&by=day&statistics=cdrc-sl-asr-acd"
         f"&{VOIPADMIN}", r"day\tcdrc\tsl\tasr\tacd\n\d\d-\d\d\t2\t65\t50.0\t65.0$"),
    runs("http://192.168.52.133/mvapireq/?apientry=cdr&u_id=78922&dir=out&days=30"
         f"&statistics=cdrc-sl-asr-acd-endusercost&{VOIPADMIN}",
         r"cdrc\tsl\tasr\tacd\tendusercost\n2\t65\t50.0\t65.0\t0.0$", fill={"78922": "2001"}),
    runs("http://192.168.52.133/mvapireq/?apientry=cdr&u_type=9&days=10"
         f"&statistics=cdrc-sl-asr-acd-providercost-profit&by=calleduser&{VOIPADMIN}",
         r"calleduser\tcdrc\tsl\tasr\tacd\tprovidercost\tprofit\ngateway\t2\t65\t50.0\t65.0\t0.0\t0.0$"),

    # Common tasks
    runs("select id from tb_users with(nolock) where username = :username and password = :password and type = 0"
         " and enabled <> 0 and temporarydisabled <> 1", "2001$",
         fill={":username": "'john'", ":password": "'john-pw'"}),
    runs("http://148.251.28.185/mvapireq/?apientry=balance&authkey=11633357&authid=1111"
         "&authmd5=2e99ca4d0cd322116771777d569ba1d9&authsalt=7359618&authsalt2=8451828&now=555",
         r"Your credit is \$5.00 USD$"),
    runs("select credit, postpaid from tb_users where id = X", r"credit\tpostpaid\n5.0\t0$", fill={"X": "1111"}),
    runs("http://148.251.28.185/mvapireq/?apientry=newuseri&authkey=11633357&authid=ever_admin"
         f"&authmd5=a0f4f8ca8a6a012dfd540d62bfc92b9d&authsalt=7359618&authsalt2=8451828&{NEW}&credit=5&now=555",
         USER_ADDED),
    runs("insert into tb_users (type, username, password, name, email, credit, postpaid) values (0,...",
         "OK: 1 rows$", fill={"...": "'bysql','bysql-pw','By SQL','by@sql',2.5,0)"},
         then=("select top 1 balance, kind from tb_ledger l join tb_users u on u.id = l.userid"
               " where username = 'bysql'", "balance\tkind\n2.5\tsql")),
    runs(f"http://SERVERADDRESS/mvapireq/?apientry=unreg&u_username=john&{ADMIN}&now=ANYNUMBER", "OK: 0 unregistered$"),
    runs("https://webrtc.domain.ca/mvapireq/?apientry=wsuser&authkey=XXXXXX&authid=USERNAME&authpwd=PASSWORD"
         "&brandname=brand&companyname=COMPANY&upperserver=IP&upperserverdomain=DOMAIN",
         r"OK: wsuser\nws: ws://[^\n]*/mfstwebsocket\n.*\nusername: john$",
         then=("select brandname, companyname, upperserver, upperserverdomain from tb_users where username = 'john'",
               "brandname\tcompanyname\tupperserver\tupperserverdomain\nbrand\tCOMPANY\tIP\tDOMAIN")),
    runs("http://SERVERADDRESS/mvapireq/?apientry=reguser&usr=USER_TO_QUERY&authkey=APIKEY&authid=ADMINUSERNAME"
         "&password=ADMINPASSWORD&now=555", "OK: not registered$",
         fill={"ADMINUSERNAME": "vfoxadmin", "ADMINPASSWORD": "vfoxadmin-pw"}),
    runs("select top 1 id from tb_users where username = 'USER_TO_QUERY' and status > 0 and statusdate >"
         " getdate() - 0.1 and Enabled <> 0 and temporarydisabled <> 1", "2004$"),
    waits("http://11.11.11.11/mvapireq/?apientry=voicerecdownload&authkey=95822812&authid=MizuTech_support"
          "&callid=sipcallid&maxrecords=1&now=1"),
    waits("https://serverdomain.com/mvapireq/?apientry=voicerecdownload&cdrid=737075&userid=&parentuserid="
          "&maxrecords=1&days=lastmonth&format=1&fromdt=&todt=&caller=&called=&authkey=14150857&authid=voipadmin"
          "&authpwd=apwd520185786fr&now=1558422718"),
    runs("SELECT TOP 1 * FROM tb_cdrs WITH(NOLOCK) WHERE datum > getdate() - 1 AND sipcallid = 'xyz'",
         r"id\t[^\n]*\n\d+\t[^\n]*\t3630111222\t[^\n]*\txyz\b[^\n]*$"),
    runs("https://serverdomain.com/mvapireq/?apientry=p2p&authkey=33591933&authid=USERNAME&authpwd=PASSWORD"
         "&anum=PHONENUMBER1&bnum=PHONENUMBER2&now=777", CALLED,
         fill={"PHONENUMBER1": "3630111222", "PHONENUMBER2": "3630111333"}),
    runs("http://11.11.11.11/mvapireq/?apientry=p2p&authkey=54742345&authid=550000782542"
         "&authmd5=9db1671101a81da6fb2315ba45c27ac2&authsalt=2334557&anum=01199925&bnum=08007774004&now=1", CALLED,
         who="john"),
    runs("https://serverdomain.com/mvapireq/?apientry=callback&authkey=33591933&authid=USERNAME&authpwd=PASSWORD"
         "&anum=PHONE1&now=111", NO_MENU, code=501),
    runs(f"http://serverdomain:8080/mvapireq/?apientry=callback&{PHONE101}&anum=PHONENUMBER&now=555", NO_MENU,
         who="john", code=501),
    waits(f"http://serverdomain:8080/mvapireq/?apientry=sms&{PHONE101}&anum=MYNUMBER&bnum=TARGETMOBILE&txt=TEXT"
          "&now=555"),
    runs(f"http://serverdomain:8080/mvapireq/?apientry=newuseru&authkey=31796042&{NEW}&deviceid=DEVICEID&now=555",
         USER_ADDED),
    runs(f"http://85.195.93.126:8080/mvapireq/?apientry=newuseri&{VFOX}&{NEW}&credit=5&now=555", USER_ADDED),
    runs(f"http://85.195.93.126:8080/mvapireq/?apientry=addcredit&{VFOX}&credit=5&now=555", "OK: credit is 5.00 USD\n"),
    runs(f"http://85.195.93.126:8080/mvapireq/?apientry=reguser&usr=x&{VFOX}&now=555", "OK: not registered$",
         fill={"usr=x": "usr=john"}),
    runs("http://serverdomain:8080/mvapireq/?apientry=newuseru&authkey=31796042&u_username=USERNAME"
         "&u_password=PASSWORD&u_name=NAME&u_email=MAIL&u_phone=PHONE&u_currency=CURRENCY&u_country=COUNTRY"
         "&u_address=ADDRESS&deviceid=DEVICEID&now=415", USER_ADDED, fill={"=USERNAME": "=NEWUSERNAME"}),
    runs("rebill,31", r"userid  username  records .*john", fill={"rebill,31": "rebill 31 dryrun=1"}),   # balances stay

    # Numbers
    runs(f"http://192.168.52.133/mvapireq/?apientry=getphonenumber&limit=5&{VOIPADMIN}", r"\d+(\n\d+){4}$"),
    runs(f"http://192.168.52.133/mvapireq/?apientry=lockphonenumber&num=01888888&{VOIPADMIN}", "OK: 01888888"),
    runs(f"http://192.168.52.133/mvapireq/?apientry=assignphonenumber&u_id=55&num=01888888&{VOIPADMIN}&format=json",
         r'\{\n  "code": 200,.*"number": "01888888",\n    "user_id": 55,\n    "assigned": "telnumber"\n',
         then=("select telnumber from tb_users where id = 55", "01888888")),
    runs(f"http://192.168.52.133/mvapireq/?apientry=assignphonenumber&u_id=55&{VOIPADMIN}&format=json",
         r'\{\n  "code": 200,.*"number": "\d+",\n    "user_id": 55'),
    runs("http://192.168.52.133/mvapireq/?apientry=assignphonenumber&u_id=55&num=0199999&verify=1"
         f"&{VOIPADMIN}&format=json", r'\{\n  "code": 200,.*"number": "0199999",\n    "user_id": 55',
         then=("select telnumber from tb_users where id = 55", "0199999")),
    runs("http://192.168.154.136/mvapireq/?apientry=getphonenumber&authkey=1393185105&count=3&now=555",
         r"\d+(\n\d+){2}$"),
    runs("http://192.168.154.136/mvapireq/?apientry=lockphonenumber&authkey=1393185105&num=3456&now=555", "OK: 3456"),
    runs(f"http://11.11.11.11/mvapireq/?apientry=reguser&usr=all&{DDD}&now=555", "OK: none$"),

    # Custom SQL commands, Custom API example
    runs(f"http://11.11.11.11/mvapireq/?apientry=db&sql=select top 5 * from tb_users&{DDD}&now=555",
         r"id\t[^\n]*(\n\d+\t[^\n]*){5}$"),
    runs(f"http://11.11.11.11/mvapireq/?apientry=db&sql=select%20*%20from%20tb_users&{DDD}&now=555",
         r"id\t[^\n]*(\n\d+\t[^\n]*){20,}$"),
    runs("http://11.11.11.11/mvapireq/?apientry=db&authkey=1393185105&authid=voipadmin"
         "&authmd5=6366577df9d9ec703da23ec6aa710aa9&authsalt=6031972"
         "&txt=select%20top%201%20username%20from%20tb_users&now=555", r"\S+$"),
    runs("select * from tb_api.", r"id\t.*\tcustom_get_user\t", fill={".": ""}),
    runs(GET_USER, r"id\tusername\t.*\n2001\tjohn\t[^\n]*$", fill={"[SPARAM]": "john"}),
    runs("https://yourserverdomain.com/mvapireq/?apientry=custom_get_user&SPARAM=1111&authkey=7799315"
         f"&{VOIP_ADMIN}", r"id\tusername\t.*\n1111\t1111\t"),
    runs(SET_COMMENT, "OK: 1 rows$", fill={"*": "", "[SPARAM1]": "five", "[SPARAM2]": "by SQL"},
         then=(COMMENT + "'five'", "by SQL")),
    runs("https://yourserverdomain.com/mvapireq/?apientry=custom_set_user_comment&sparam1=1111&sparam2=yeees"
         f"&authkey=7799315&{VOIP_ADMIN}", "OK: 1 rows$", then=(COMMENT + "'1111'", "yeees")),
]
