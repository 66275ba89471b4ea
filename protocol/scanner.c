#include "protocol/scanner.h"

#include "protocol/element.h"

/* One byte too many is believed to be there: what the fuzzers must find. */
#ifdef BOBBIN_PLANT_BUG
enum { PLANTED = 1 };
#else
enum { PLANTED = 0 };
#endif

void scanner_init(struct scanner *s, size_t limit)
{
    *s = (struct scanner){.limit = limit, .result = SCANNER_MORE};
}

void scanner_next(struct scanner *s)
{
    scanner_init(s, s->limit);
}

static bool is_array(uint8_t lead)
{
    return (lead & 0xf0) == 0x90 || lead == 0xdc || lead == 0xdd;
}

/* Take in the next element's header. SCANNER_MORE: go on, unless *ret_taken is false because the
 * header itself has not arrived in full. What can be refused by the leading byte alone is refused
 * first, so that the result does not depend on how the bytes arrive. */
static inline enum scanner_result scan_header(struct scanner *s, const uint8_t *p, size_t avail,
                                              bool *ret_taken)
{
    struct element el;
    bool is_message = s->pos == 0;
    *ret_taken = false;

    enum element_result rc = element_read(p, avail, &el);
    if (rc == ELEMENT_RESERVED || (is_message && !is_array(p[0])))
        return SCANNER_MALFORMED;
    if (el.is_container && s->depth == LIMIT_DEPTH)
        return SCANNER_TOO_DEEP;

    /* The element that begins here is one of those announced; the bytes that the others need at the
     * least are not there for it. */
    size_t others = is_message ? 0 : s->pending - 1;
    size_t room = s->limit - s->pos - others;
    if (el.head > room)
        return SCANNER_TOO_LARGE;
    if (rc == ELEMENT_MORE)
        return SCANNER_MORE;
    if (el.payload + el.children > room - el.head)
        return SCANNER_TOO_LARGE;

    *ret_taken = true;
    s->pos += el.head;
    s->skip = (size_t)el.payload;
    s->pending = others + (size_t)el.children;
    if (!is_message)
        s->left[s->depth - 1]--;
    if (el.is_container)
        s->left[s->depth++] = (size_t)el.children;
    return SCANNER_MORE;
}

enum scanner_result scanner_scan(struct scanner *s, const uint8_t *bytes, size_t len)
{
    while (s->result == SCANNER_MORE && s->pos < len) {
        if (s->skip > 0) {
            size_t step = s->skip < len - s->pos ? s->skip : len - s->pos;
            s->pos += step;
            s->skip -= step;
        } else {
            bool taken;
            s->result = scan_header(s, bytes + s->pos, len - s->pos + PLANTED, &taken);
            if (!taken)
                break;
        }
        if (s->skip == 0) {
            while (s->depth > 0 && s->left[s->depth - 1] == 0)
                s->depth--;
            if (s->depth == 0)
                s->result = SCANNER_FRAME;
        }
    }
    return s->result;
}
