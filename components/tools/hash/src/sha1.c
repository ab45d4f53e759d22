// SHA-1: FIPS 180-4, 6.1.
#include "sha.h"

static void start(struct digest *digest) {
    static const uint32_t START[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (int at = 0; at < 5; at++) {
        digest->state.words32[at] = START[at];
    }
}

static uint32_t mixed(int round, uint32_t b, uint32_t c, uint32_t d) {
    switch (round / 20) {
    case 0:
        return ((b & c) ^ (~b & d)) + 0x5a827999;
    case 1:
        return (b ^ c ^ d) + 0x6ed9eba1;
    case 2:
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    default:
        return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static void block(struct digest *digest, const uint8_t *block) {
    uint32_t *state = digest->state.words32;
    uint32_t schedule[80];
    for (int at = 0; at < 16; at++) {
        schedule[at] = load32(block + 4 * at);
    }
    for (int at = 16; at < 80; at++) {
        schedule[at] = left32(schedule[at - 3] ^ schedule[at - 8] ^ schedule[at - 14] ^ schedule[at - 16], 1);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int round = 0; round < 80; round++) {
        const uint32_t next = left32(a, 5) + mixed(round, b, c, d) + e + schedule[round];
        e = d;
        d = c;
        c = left32(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static void finish(struct digest *digest, uint8_t *out) {
    pad(&SHA1, digest, 8);
    for (int at = 0; at < 5; at++) {
        store32(out + 4 * at, digest->state.words32[at]);
    }
}

const struct algorithm SHA1 = {
    .digest_bytes = 20,
    .block_bytes = 64,
    .start = start,
    .block = block,
    .finish = finish,
};
