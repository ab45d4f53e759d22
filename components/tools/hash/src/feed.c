#include "algorithm.h"

#include <string.h>

void feed(const struct algorithm *algorithm, struct digest *digest, const uint8_t *bytes, size_t length) {
    const size_t size = algorithm->block_bytes;
    size_t held = (size_t)(digest->length % size);
    digest->length += length;
    while (held + length >= size) {
        const size_t taken = size - held;
        if (held == 0) {
            algorithm->block(digest, bytes);
        } else {
            memcpy(digest->block + held, bytes, taken);
            algorithm->block(digest, digest->block);
        }
        bytes += taken;
        length -= taken;
        held = 0;
    }
    if (length != 0) {
        memcpy(digest->block + held, bytes, length);
    }
}
