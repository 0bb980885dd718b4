"""How numbers are dialled at home: calling code, national prefix and international prefix of countries (ITU-T E.164,
Operational Bulletin "Dialling procedures").

Countries that dial the national number alone have no national prefix: what is dialled there cannot be told from a
foreign number without its +.
"""

_TABLE = """
AE 971 0 00   AL 355 0 00   AM 374 0 00   AR 54 0 00    AT 43 0 00    AU 61 0 0011  AZ 994 0 00   BA 387 0 00
BD 880 0 00   BE 32 0 00    BG 359 0 00   BO 591 0 00   BR 55 0 00    BY 375 - 810  CA 1 1 011    CD 243 0 00
CH 41 0 00    CL 56 - 00    CN 86 0 00    CO 57 0 00    CY 357 - 00   CZ 420 - 00   DE 49 0 00    DK 45 - 00
DZ 213 0 00   EC 593 0 00   EE 372 - 00   EG 20 0 00    ES 34 - 00    ET 251 0 00   FI 358 0 00   FR 33 0 00
GB 44 0 00    GE 995 0 00   GH 233 0 00   GR 30 - 00    HK 852 - 001  HR 385 0 00   HU 36 06 00   ID 62 0 001
IE 353 0 00   IL 972 0 00   IN 91 0 00    IQ 964 0 00   IR 98 0 00    IS 354 - 00   IT 39 - 00    JO 962 0 00
JP 81 0 010   KE 254 0 000  KG 996 0 00   KR 82 0 00    KW 965 - 00   KZ 7 - 810    LB 961 0 00   LT 370 - 00
LU 352 - 00   LV 371 - 00   LY 218 0 00   MA 212 0 00   MD 373 0 00   ME 382 0 00   MK 389 0 00   MT 356 - 00
MX 52 - 00    MY 60 0 00    NG 234 0 009  NL 31 0 00    NO 47 - 00    NP 977 0 00   NZ 64 0 00    OM 968 - 00
PE 51 0 00    PH 63 0 00    PK 92 0 00    PL 48 - 00    PT 351 - 00   PY 595 0 00   QA 974 - 00   RO 40 0 00
RS 381 0 00   RU 7 - 810    SA 966 0 00   SE 46 0 00    SG 65 - 000   SI 386 0 00   SK 421 0 00   SY 963 0 00
TH 66 0 001   TN 216 - 00   TR 90 0 00    TW 886 0 002  TZ 255 0 000  UA 380 0 00   UG 256 0 000  US 1 1 011
UY 598 0 00   UZ 998 - 00   VE 58 0 00    VN 84 0 00    ZA 27 0 00
"""


class Country:
    """code  calling code · national  what is dialled before a national number, "" for nothing · international  what is
    dialled before a calling code"""
    __slots__ = ("code", "national", "international")

    def __init__(self, code, national, international):
        self.code = code
        self.national = national.strip("-")
        self.international = international


def _read(words):
    return {words[at]: Country(*words[at + 1:at + 4]) for at in range(0, len(words), 4)}


COUNTRIES = _read(_TABLE.split())
"""{two letters: Country}"""
