"""Telephony without a word of SIP: who may call where, two legs on a bridge, what it costs while they talk."""
