"""A second, plain reader of DNS answers, by slices and recursion: what test_dns compares the first one with.
And the writer of answers that tests let servers say."""

import ipaddress
import struct

KINDS = {1, 5, 6, 28, 33, 35}


class Refused(Exception):
    pass


def need(true):
    if not true:
        raise Refused


def name(data, at, stop):
    """([labels as bytes], where it ends)"""
    need(at < stop)
    first = data[at]
    if first == 0:
        return [], at + 1
    if first >= 192:
        need(at + 1 < stop)
        target = (first - 192) * 256 + data[at + 1]
        need(target < at)
        return name(data, target, at)[0], at + 2
    need(first < 64)
    label = data[at + 1:at + 1 + first]
    need(len(label) == first and at + 1 + first <= stop)
    rest, end = name(data, at + 1 + first, stop)
    return [label] + rest, end


def text(labels):
    need(sum(map(len, labels)) + len(labels) + 1 <= 255)
    return ".".join("".join(chr(o) if 33 <= o <= 126 and o not in b".\\" else "\\%03d" % o for o in label.lower())
                    for label in labels)


def numbers(form, data, at):
    size = struct.calcsize(form)
    need(at + size <= len(data))
    return struct.unpack(form, data[at:at + size])


def read(data):
    """(id, rcode, truncated, question, answers, authority), records as (name, kind, ttl, data)."""
    number, flags, *counts = numbers(">6H", data, 0)
    need(flags >> 15 and flags >> 11 & 15 == 0 and counts[0] < 2)
    at, question = 12, None
    if counts[0]:
        labels, at = name(data, at, len(data))
        kind, group = numbers(">HH", data, at)
        question, at = (text(labels), kind), at + 4
        question = question if group == 1 else None
    sections = [[], []]
    if not flags & 512:
        for section, count in zip(sections, counts[1:3]):
            need(count <= 512)
            for _ in range(count):
                labels, at = name(data, at, len(data))
                owner = text(labels)
                kind, group, ttl, length = numbers(">HHIH", data, at)
                at += 10
                need(at + length <= len(data))
                if group == 1 and kind in KINDS:
                    ttl = 0 if ttl >> 31 else ttl
                    section.append((owner, kind, ttl, rdata(kind, data, at, at + length, ttl)))
                at += length
    return number, flags & 15, bool(flags & 512), question, *sections


def rdata(kind, data, at, stop, ttl):
    if kind in (1, 28):
        need(stop - at == (4 if kind == 1 else 16))
        return str(ipaddress.ip_address(data[at:stop]))
    if kind == 6:
        at = name(data, at, stop)[1]
        text(name(data, at, stop)[0])
        at = name(data, at, stop)[1]
        need(stop - at == 20)
        return min(ttl, struct.unpack(">I", data[stop - 4:stop])[0])
    facts = ()
    if kind == 33:
        facts = numbers(">3H", data, at)
        at += 6
    if kind == 35:
        facts = numbers(">2H", data, at)
        at += 4
        for _ in range(3):
            need(at < stop and at + 1 + data[at] <= stop)
            facts += (data[at + 1:at + 1 + data[at]].decode("utf-8", "replace"),)
            at += 1 + data[at]
    labels, end = name(data, at, stop)
    need(end == stop)
    return (*facts, text(labels)) if facts else text(labels)


class Writer:
    """Writes an answer with compressed names; records as (name, kind, ttl, data as mizu.wire.dns has it)."""

    def __init__(self):
        self.known = {}

    def answer(self, number, question, answers=(), authority=(), rcode=0, truncated=False):
        flags = 0x8180 | rcode | (0x200 if truncated else 0)
        self.out = struct.pack(">6H", number, flags, 1, len(answers), len(authority), 0)
        self.name(question[0])
        self.out += struct.pack(">HH", question[1], 1)
        for owner, kind, ttl, data in [*answers, *authority]:
            self.name(owner)
            self.out += struct.pack(">HHIH", kind, 1, ttl, 0)
            start = len(self.out)
            self.rdata(kind, data)
            self.out = self.out[:start - 2] + struct.pack(">H", len(self.out) - start) + self.out[start:]
        return self.out

    def name(self, text):
        while text:
            if text in self.known:
                self.out += struct.pack(">H", 0xC000 | self.known[text])
                return
            self.known[text] = len(self.out)
            label, _, text = text.partition(".")
            self.out += bytes([len(label)]) + label.encode()
        self.out += b"\0"

    def rdata(self, kind, data):
        if kind in (1, 28):
            self.out += ipaddress.ip_address(data).packed
        elif kind == 6:
            self.name("ns.example")
            self.name("root.example")
            self.out += struct.pack(">5I", 1, 2, 3, 4, data)
        elif kind == 33:
            self.out += struct.pack(">3H", *data[:3])
            self.name(data[3])
        elif kind == 35:
            self.out += struct.pack(">2H", *data[:2])
            for each in data[2:5]:
                self.out += bytes([len(each)]) + each.encode()
            self.name(data[5])
        else:
            self.name(data)
