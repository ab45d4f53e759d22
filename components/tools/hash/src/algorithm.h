// One way to make a digest, fed piece by piece.
#ifndef ALGORITHM_H
#define ALGORITHM_H

#include <stddef.h>
#include <stdint.h>

#define MAX_DIGEST_BYTES 64
#define MAX_BLOCK_BYTES 128

// A digest that is being made.
struct digest {
    union {
        uint32_t words32[8];
        uint64_t words64[8];
    } state;
    uint64_t length; // bytes so far
    uint8_t block[MAX_BLOCK_BYTES];
};

struct algorithm {
    size_t digest_bytes;
    size_t block_bytes;
    void (*start)(struct digest *digest);
    // Takes one whole block.
    void (*block)(struct digest *digest, const uint8_t *block);
    // Pads, takes the last block or two, and writes the digest.
    void (*finish)(struct digest *digest, uint8_t *out);
};

extern const struct algorithm SHA1;
extern const struct algorithm SHA256;
extern const struct algorithm SHA512;
extern const struct algorithm CRC32;

// Feeds bytes, however many.
void feed(const struct algorithm *algorithm, struct digest *digest, const uint8_t *bytes, size_t length);

#endif
