// What the functions of FIPS 180-4 have in common.
#ifndef SHA_H
#define SHA_H

#include "algorithm.h"

// Appends a one bit, zeros, and the length in bits in the last eight bytes of
// a block, as 5.1 says. `length_bytes` is how much room the length has.
void pad(const struct algorithm *algorithm, struct digest *digest, size_t length_bytes);

uint32_t load32(const uint8_t *bytes);
void store32(uint8_t *bytes, uint32_t word);
uint64_t load64(const uint8_t *bytes);
void store64(uint8_t *bytes, uint64_t word);

static inline uint32_t left32(uint32_t word, int by) {
    return word << by | word >> (32 - by);
}

static inline uint32_t right32(uint32_t word, int by) {
    return word >> by | word << (32 - by);
}

static inline uint64_t right64(uint64_t word, int by) {
    return word >> by | word << (64 - by);
}

#endif
