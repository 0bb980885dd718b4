"""Broken input on purpose: seeds with bytes replaced, dropped, repeated, and with pieces of other seeds."""

import random


def mutations(seeds, count, splinters=(), seed=20):
    """`count` mutants of the seeds (bytes), always the same ones; every tenth seed stays whole."""
    chance = random.Random(seed)
    for number in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 4) if number % 10 else 0):
            at = chance.randrange(len(data) + 1)
            end = min(len(data), at + chance.choice((0, 1, 1, 2, 5)))
            kind = chance.randrange(5)
            if kind == 0:
                data[at:end] = bytes([chance.randrange(256)])
            elif kind == 1:
                data[at:end] = b""
            elif kind == 2:
                data[at:at] = data[at:at + chance.randrange(1, 20)]
            elif kind == 3 and splinters:
                data[at:end] = chance.choice(splinters)
            else:
                other = chance.choice(seeds)
                data[at:] = other[chance.randrange(len(other) + 1):]
        yield bytes(data)
