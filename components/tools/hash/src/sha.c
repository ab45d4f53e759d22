#include "sha.h"

void pad(const struct algorithm *algorithm, struct digest *digest, size_t length_bytes) {
    static const uint8_t PADDING[MAX_BLOCK_BYTES] = {0x80};
    const uint64_t bits = digest->length * 8;
    const size_t size = algorithm->block_bytes;
    const size_t held = (size_t)(digest->length % size);
    const size_t end = size - length_bytes;
    feed(algorithm, digest, PADDING, (held < end ? end : size + end) - held);
    uint8_t length[16] = {0};
    store64(length + length_bytes - 8, bits);
    feed(algorithm, digest, length, length_bytes);
}

uint32_t load32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void store32(uint8_t *bytes, uint32_t word) {
    for (int at = 0; at < 4; at++) {
        bytes[at] = (uint8_t)(word >> (24 - 8 * at));
    }
}

uint64_t load64(const uint8_t *bytes) {
    return (uint64_t)load32(bytes) << 32 | load32(bytes + 4);
}

void store64(uint8_t *bytes, uint64_t word) {
    store32(bytes, (uint32_t)(word >> 32));
    store32(bytes + 4, (uint32_t)word);
}
