// CRC-32/ISO-HDLC: polynomial 0x04c11db7 reflected, start and end inverted
// (RFC 1952, section 8).
#include "algorithm.h"

static const uint32_t POLYNOMIAL = 0xedb88320;

static void start(struct digest *digest) {
    digest->state.words32[0] = 0xffffffff;
}

static void block(struct digest *digest, const uint8_t *block) {
    uint32_t crc = digest->state.words32[0] ^ block[0];
    for (int bit = 0; bit < 8; bit++) {
        crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
    }
    digest->state.words32[0] = crc;
}

static void finish(struct digest *digest, uint8_t *out) {
    const uint32_t crc = ~digest->state.words32[0];
    for (int at = 0; at < 4; at++) {
        out[at] = (uint8_t)(crc >> (24 - 8 * at));
    }
}

const struct algorithm CRC32 = {
    .digest_bytes = 4,
    .block_bytes = 1,
    .start = start,
    .block = block,
    .finish = finish,
};
