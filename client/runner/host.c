#include "client/runner/host.h"

#include <endian.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/runner/backtrace.h"

uint8_t *host_memory(const struct host *h, uint32_t at, uint64_t len)
{
    if (!h->guest->memory)
        return NULL;
    uint64_t size = 0;
    uint8_t *memory = h->guest->memory(&size);
    if (at > size || len > size - at)
        return NULL;
    /* cppcheck-suppress returnDanglingLifetime ; of the size, it is not returned */
    return memory + at;
}

uint8_t *host_memory_or_trap(struct host *h, uint32_t at, uint64_t len)
{
    uint8_t *bytes = host_memory(h, at, len);
    if (!bytes)
        host_trap(h, "out of bounds memory access by the arguments of an import");
    return bytes;
}

static struct iovec text(const char *s)
{
    return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

void host_trap(struct host *h, const char *what)
{
    const struct iovec message[] = {
        text("bobbin-run: trap in "), text(h->name), text(": "), text(what), text("\n"),
    };
    ssize_t written = writev(STDERR_FILENO, message, sizeof(message) / sizeof(message[0]));
    (void)written;
    if (h->guest)
        backtrace_write(h->guest->symbols);
    _exit(HOST_TRAP_STATUS);
}

uint32_t host_load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

uint64_t host_load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

void host_store16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof(value));
}

void host_store32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

void host_store64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
}
