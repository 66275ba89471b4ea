/* SipHash-1-3 over a sequence of byte strings: a hash whose collisions cannot be made by somebody who
 * does not know the key. Inline, because it sits on the path of every request. */
#ifndef BOBBIN_DAEMON_SIPHASH_H
#define BOBBIN_DAEMON_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_key {
    uint64_t k0, k1;
};

struct siphash {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline void siphash_round(struct siphash *h)
{
    h->v0 += h->v1;
    h->v2 += h->v3;
    h->v1 = siphash_rotate(h->v1, 13) ^ h->v0;
    h->v3 = siphash_rotate(h->v3, 16) ^ h->v2;
    h->v0 = siphash_rotate(h->v0, 32);
    h->v2 += h->v1;
    h->v0 += h->v3;
    h->v1 = siphash_rotate(h->v1, 17) ^ h->v2;
    h->v3 = siphash_rotate(h->v3, 21) ^ h->v0;
    h->v2 = siphash_rotate(h->v2, 32);
}

static inline void siphash_word(struct siphash *h, uint64_t word)
{
    h->v3 ^= word;
    siphash_round(h);
    h->v0 ^= word;
}

/* `first` is hashed like a string of its eight bytes. */
static inline struct siphash siphash_begin(const struct siphash_key *key, uint64_t first)
{
    struct siphash h = {
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
    siphash_word(&h, first);
    return h;
}

/* Up to seven bytes, the first one lowest: from two loads that overlap. */
static inline uint64_t siphash_rest(const uint8_t *p, size_t len)
{
    uint32_t low = 0, high = 0;
    if (len >= 4) {
        memcpy(&low, p, sizeof low);
        memcpy(&high, p + len - 4, sizeof high);
        return low | (uint64_t)high << 8 * (len - 4);
    }
    if (!len)
        return 0;
    return p[0] | (uint64_t)p[len / 2] << 8 * (len / 2) | (uint64_t)p[len - 1] << 8 * (len - 1);
}

/* Each string ends with a word that holds its last bytes and its length, as a message of SipHash does:
 * ("a", "b") and ("ab", "") are not the same. */
static inline void siphash_add(struct siphash *h, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t word;
    size_t left = len;
    for (; left >= sizeof word; p += sizeof word, left -= sizeof word) {
        memcpy(&word, p, sizeof word);
        siphash_word(h, word);
    }
    siphash_word(h, (uint64_t)len << 56 | siphash_rest(p, left));
}

static inline uint64_t siphash_end(struct siphash *h)
{
    h->v2 ^= 0xff;
    siphash_round(h);
    siphash_round(h);
    siphash_round(h);
    return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}

#endif
