#!/usr/bin/env python3
"""Writes a C program of many functions: make_large.py COUNT. What it prints depends on all of them,
and is the same wherever it is compiled, so that the machine's own compiler tells what is right."""

import random
import sys

HEAD = """#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t table[1024];
static double numbers[64];

"""


def statement(rng, i):
    kind = rng.randrange(7)
    a, b = rng.randrange(1, 1 << 31), rng.randrange(1, 31)
    if kind == 0:
        return f"x = (x ^ {a}u) * {a | 1}u + (x >> {b});"
    if kind == 1:
        return f"for (uint32_t k = 0; k < {b}; k++) table[(x + k) & 1023] += k * {a}u;"
    if kind == 2:
        return f"if (x % {b + 1} == {b // 2}) x += table[x & 1023]; else x -= {a}u;"
    if kind == 3:
        return f"y += ((uint64_t)x << {b}) / ((x & 255) + 1);"
    if kind == 4:
        return f"numbers[x & 63] += (double)(x % {b + 7}) / {b + 1};"
    if kind == 5:
        return f"switch (x & 3) {{ case 0: x += {b}; break; case 1: x ^= {a}u; break; default: x--; }}"
    return f"memcpy(&table[x & 511], &table[512 + (x & 255)], {b * 4}); x += (uint32_t)(y >> {b});"


def main():
    count, rng = int(sys.argv[1]), random.Random(1)
    print(HEAD)
    for i in range(count):
        print(f"static uint32_t f{i}(uint32_t x, uint64_t y)\n{{")
        for _ in range(24):
            print("    " + statement(rng, i))
        print("    return x ^ (uint32_t)(y >> 32) ^ (uint32_t)y;\n}\n")
    print("typedef uint32_t (*function)(uint32_t, uint64_t);")
    print("static const function functions[] = {" + ", ".join(f"f{i}" for i in range(count)) + "};")
    print(f"""
int main(void)
{{
    uint32_t x = 1;
    double sum = 0;
    for (uint32_t i = 0; i < {count}; i++)
        x = functions[(i * 7919u) % {count}](x, (uint64_t)x * i);
    for (int i = 0; i < 64; i++)
        sum += numbers[i];
    printf("%u %u %.6f\\n", x, table[x & 1023], sum);
    return 0;
}}""")


main()
