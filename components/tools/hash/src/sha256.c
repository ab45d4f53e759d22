// SHA-256: FIPS 180-4, 6.2.
#include "sha.h"

// The first 32 bits of the fractional parts of the cube roots of the first
// 64 primes.
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// The same of the square roots of the first eight.
static void start(struct digest *digest) {
    static const uint32_t START[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    for (int at = 0; at < 8; at++) {
        digest->state.words32[at] = START[at];
    }
}

static void block(struct digest *digest, const uint8_t *block) {
    uint32_t *state = digest->state.words32;
    uint32_t schedule[64];
    for (int at = 0; at < 16; at++) {
        schedule[at] = load32(block + 4 * at);
    }
    for (int at = 16; at < 64; at++) {
        const uint32_t before = schedule[at - 15], last = schedule[at - 2];
        const uint32_t small0 = right32(before, 7) ^ right32(before, 18) ^ before >> 3;
        const uint32_t small1 = right32(last, 17) ^ right32(last, 19) ^ last >> 10;
        schedule[at] = small1 + schedule[at - 7] + small0 + schedule[at - 16];
    }
    uint32_t v[8];
    for (int at = 0; at < 8; at++) {
        v[at] = state[at];
    }
    for (int round = 0; round < 64; round++) {
        const uint32_t a = v[0], b = v[1], c = v[2], e = v[4], f = v[5], g = v[6];
        const uint32_t large0 = right32(a, 2) ^ right32(a, 13) ^ right32(a, 22);
        const uint32_t large1 = right32(e, 6) ^ right32(e, 11) ^ right32(e, 25);
        const uint32_t choice = (e & f) ^ (~e & g);
        const uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        const uint32_t first = v[7] + large1 + choice + K[round] + schedule[round];
        for (int at = 7; at > 0; at--) {
            v[at] = v[at - 1];
        }
        v[4] += first;
        v[0] = first + large0 + majority;
    }
    for (int at = 0; at < 8; at++) {
        state[at] += v[at];
    }
}

static void finish(struct digest *digest, uint8_t *out) {
    pad(&SHA256, digest, 8);
    for (int at = 0; at < 8; at++) {
        store32(out + 4 * at, digest->state.words32[at]);
    }
}

const struct algorithm SHA256 = {
    .digest_bytes = 32,
    .block_bytes = 64,
    .start = start,
    .block = block,
    .finish = finish,
};
