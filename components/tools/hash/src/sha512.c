// SHA-512: FIPS 180-4, 6.4.
#include "sha.h"

// The first 64 bits of the fractional parts of the cube roots of the first
// 80 primes.
static const uint64_t K[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

// The same of the square roots of the first eight.
static void start(struct digest *digest) {
    static const uint64_t START[8] = {
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    };
    for (int at = 0; at < 8; at++) {
        digest->state.words64[at] = START[at];
    }
}

static void block(struct digest *digest, const uint8_t *block) {
    uint64_t *state = digest->state.words64;
    uint64_t schedule[80];
    for (int at = 0; at < 16; at++) {
        schedule[at] = load64(block + 8 * at);
    }
    for (int at = 16; at < 80; at++) {
        const uint64_t before = schedule[at - 15], last = schedule[at - 2];
        const uint64_t small0 = right64(before, 1) ^ right64(before, 8) ^ before >> 7;
        const uint64_t small1 = right64(last, 19) ^ right64(last, 61) ^ last >> 6;
        schedule[at] = small1 + schedule[at - 7] + small0 + schedule[at - 16];
    }
    uint64_t v[8];
    for (int at = 0; at < 8; at++) {
        v[at] = state[at];
    }
    for (int round = 0; round < 80; round++) {
        const uint64_t a = v[0], b = v[1], c = v[2], e = v[4], f = v[5], g = v[6];
        const uint64_t large0 = right64(a, 28) ^ right64(a, 34) ^ right64(a, 39);
        const uint64_t large1 = right64(e, 14) ^ right64(e, 18) ^ right64(e, 41);
        const uint64_t choice = (e & f) ^ (~e & g);
        const uint64_t majority = (a & b) ^ (a & c) ^ (b & c);
        const uint64_t first = v[7] + large1 + choice + K[round] + schedule[round];
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
    pad(&SHA512, digest, 16);
    for (int at = 0; at < 8; at++) {
        store64(out + 8 * at, digest->state.words64[at]);
    }
}

const struct algorithm SHA512 = {
    .digest_bytes = 64,
    .block_bytes = 128,
    .start = start,
    .block = block,
    .finish = finish,
};
