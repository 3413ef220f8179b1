#!/usr/bin/python3
"""Counts cycles of products on AMX tiles: the table of AMX.md, and a model of the order of tile instructions in the microkernel."""
from math import ceil

# cycles; AMX.md says where they come from
TDP, LATENCY = 16, 52
L1, L2, L3 = 8, 21.4, 123
LOAD_LATENCY = {L1: 45, L2: 60}  # with no other load; of L2 a guess
PACK = {(2, False): 0.22, (2, True): 0.46, (3, False): 0.39, (3, True): 0.74}  # a number, transposed or not
STORE, STORE_MASKED, ADD = 9, 12, 1  # 32 sums
END = LATENCY - TDP + 4 * TDP  # of a call of the microkernel
KC, SHORT = {2: 1024, 3: 512}, {2: 128, 3: 96}


def table():
    products = (  # name, m, n, k, pieces, B packed before, A transposed, B transposed, mask
        ("scoring", 256, 1024, 512, 3, True, False, True, False),
        ("scoring", 256, 784, 1024, 2, True, False, True, False),
        ("scoring, backward", 256, 1024, 784, 2, True, False, False, True),
        ("vae-testinf", 1024, 1024, 1024, 2, False, False, True, False),
        ("vae-train", 64, 256, 784, 3, False, False, True, False),
        ("vae-train, backward", 64, 256, 784, 2, False, False, False, False),
        ("vae-train, gradient", 32, 1024, 64, 2, True, True, False, False),
        ("conv_transpose2d", 4096, 48, 32, 3, False, False, False, False),
    )
    for name, m, n, k, pieces, packed, a_transposed, b_transposed, masked in products:
        i, j, steps = ceil(m / 32), ceil(n / 32), ceil(k / 32)
        tdp = i * j * steps * (12 if pieces == 2 else 24) * TDP
        loads = i * j * steps * (8 * L2 if pieces == 2 else 12 * L2 + 2 * L1)
        short = i * j * steps * (4 * L2 + 4 * L1 if pieces == 2 else 6 * L2 + 8 * L1)
        # the first of the calls that use a panel of B waits for it, if packed B is larger than what the second-level cache has left
        first = 4 * L3 + 4 * L2 - 12 * TDP if pieces == 2 else 6 * L3 + 6 * L2 + 2 * L1 - 24 * TDP
        far = first * j * steps * ceil(m / 256) if packed and j * 32 * k * pieces * 2 > 1e6 else 0

        def stores(kc):
            blocks = ceil(k / kc)
            return i * 32 * j * ((blocks - 1) * (STORE + ADD) + (STORE_MASKED if masked else STORE)), i * j * blocks * END

        columns = [loads, far, m * k * PACK[pieces, a_transposed], 0 if packed else n * k * PACK[pieces, b_transposed], *stores(KC[pieces]), short,
                   *stores(SHORT[pieces])]
        print(f"| {name}, {m} x {n} x {k} | {pieces} | {tdp / 1000:.0f} |", " | ".join(f"{100 * c / tdp:.0f}" if c else "" for c in columns), "|")


# --- the order of tile instructions ---

def multiply(order=(0, 1, 2, 3), **loads):
    """Products of 2 x 2 tiles; loads: after which product which tiles are loaded, such as after1=[4]."""
    out = [("load", t) for t in loads.get("before", ())]
    for at, c in enumerate(order):
        out.append(("tdp", c, 4 + c // 2, 6 + c % 2))
        out += [("load", t) for t in loads.get(f"after{at}", ())]
    return out


IN_A_ROW = multiply(before=[4, 5, 6, 7]) + multiply(before=[4, 5]) + multiply(before=[6, 7])
A, B = multiply(after1=[4], after3=[5]), multiply(after2=[6], after3=[7])
BETWEEN = A + B + multiply(after1=[4], after2=[6], after3=[5, 7])
PUBLISHED = multiply(before=[4, 6], after0=[7], after1=[5])  # github.com/usstq/mm_amx, of one piece, measured: 75 % of the peak


def cycles(step, load, registers, ahead, steps=40):
    """Of one step: instructions are issued when their operands are complete; at most `ahead` wait or run at a time, and each has a
    register of its own for its result, out of `registers`, until it retires."""
    todo, last = step * steps, {}
    needs, issued, done = [], {}, {}
    for n, (kind, to, *factors) in enumerate(todo):
        needs.append([last[t] for t in [to, *factors] if t in last] if kind == "tdp" else [])
        last[to] = n
    free, waiting, allocated, retired, now = {"tdp": 0, "load": 0}, [], 0, 0, 0
    middle = 0
    while retired < len(todo):
        while allocated < len(todo) and allocated - retired < min(ahead, registers - 8):
            waiting.append(allocated)
            allocated += 1
        for n in waiting[:]:
            kind = todo[n][0]
            if free[kind] <= now and all(done.get(d, now + 1) <= now for d in needs[n]):
                issued[n] = now
                free[kind] = now + (TDP if kind == "tdp" else load)
                done[n] = now + (LATENCY if kind == "tdp" else LOAD_LATENCY[load] + load - L1)
                waiting.remove(n)
        while retired < allocated and done.get(retired, now + 1) <= now:
            retired += 1
        if retired < len(todo) // 2:
            middle = now
        now += 1
    return (now - middle) / (steps / 2)


def model():
    for name, step in (("published", PUBLISHED), ("loads in a row", IN_A_ROW), ("loads between products", BETWEEN)):
        ideal = TDP * sum(i[0] == "tdp" for i in step)
        print(f"{name}:", ", ".join(f"{registers} tiles, {ahead} ahead: {100 * cycles(step, L2, registers, ahead) / ideal:.0f} %"
                                    for registers, ahead in ((64, 60), (64, 12), (20, 60), (16, 60))))


table()
model()
