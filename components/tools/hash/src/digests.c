// The functions of the interface `digests`. What a caller hands over is ours to
// free.
#include "algorithm.h"
#include "hash.h"

#include <stdlib.h>

typedef exports_patinox_hash_digests_algorithm_t name_t;

static const struct algorithm *named(const name_t *name) {
    if (name == NULL) {
        return &SHA256;
    }
    switch (*name) {
    case EXPORTS_PATINOX_HASH_DIGESTS_ALGORITHM_SHA512:
        return &SHA512;
    case EXPORTS_PATINOX_HASH_DIGESTS_ALGORITHM_SHA1:
        return &SHA1;
    case EXPORTS_PATINOX_HASH_DIGESTS_ALGORITHM_CRC32:
        return &CRC32;
    default:
        return &SHA256;
    }
}

// Writes a finished digest in hexadecimal.
static void answer(const struct algorithm *algorithm, struct digest *digest, hash_string_t *out) {
    static const char DIGITS[] = "0123456789abcdef";
    uint8_t bytes[MAX_DIGEST_BYTES];
    char text[2 * MAX_DIGEST_BYTES];
    algorithm->finish(digest, bytes);
    for (size_t at = 0; at < algorithm->digest_bytes; at++) {
        text[2 * at] = DIGITS[bytes[at] >> 4];
        text[2 * at + 1] = DIGITS[bytes[at] & 15];
    }
    hash_string_dup_n(out, text, 2 * algorithm->digest_bytes);
}

static void whole(const uint8_t *bytes, size_t length, const name_t *name, hash_string_t *out) {
    const struct algorithm *algorithm = named(name);
    struct digest digest = {0};
    algorithm->start(&digest);
    feed(algorithm, &digest, bytes, length);
    answer(algorithm, &digest, out);
}

void exports_patinox_hash_digests_text(hash_string_t *text, name_t *name, hash_string_t *out) {
    whole(text->ptr, text->len, name, out);
    hash_string_free(text);
}

void exports_patinox_hash_digests_bytes(hash_list_u8_t *bytes, name_t *name, hash_string_t *out) {
    whole(bytes->ptr, bytes->len, name, out);
    hash_list_u8_free(bytes);
}

void exports_patinox_hash_digests_chunks(hash_list_list_u8_t *chunks, name_t *name, hash_string_t *out) {
    const struct algorithm *algorithm = named(name);
    struct digest digest = {0};
    algorithm->start(&digest);
    for (size_t at = 0; at < chunks->len; at++) {
        feed(algorithm, &digest, chunks->ptr[at].ptr, chunks->ptr[at].len);
    }
    answer(algorithm, &digest, out);
    hash_list_list_u8_free(chunks);
}
