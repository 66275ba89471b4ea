/* UTF-8: the classic bad sequences, and every good one. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/utf8.h"

static const struct sequence {
    const char *name;
    const char *bytes;
    bool valid;
} sequences[] = {
    {"ASCII", "hello", true},
    {"two bytes", "na\xc3\xafve", true},
    {"three bytes", "\xe2\x82\xac", true},
    {"four bytes", "\xf0\x9f\x8e\xa1", true},
    {"first of two bytes", "\xc2\x80", true},
    {"first of three bytes", "\xe0\xa0\x80", true},
    {"first of four bytes", "\xf0\x90\x80\x80", true},
    {"U+10FFFF", "\xf4\x8f\xbf\xbf", true},
    {"U+FFFE, U+FFFF, U+FEFF", "\xef\xbf\xbe\xef\xbf\xbf\xef\xbb\xbf", true},
    {"around the surrogates", "\xed\x9f\xbf\xee\x80\x80", true},
    {"continuation alone", "\x80", false},
    {"last continuation alone", "\xbf", false},
    {"continuation behind a character", "\xc3\xa4\xa4", false},
    {"two bytes, one missing", "\xc3", false},
    {"three bytes, one missing", "\xe2\x82", false},
    {"three bytes, two missing", "\xe2", false},
    {"four bytes, one missing", "\xf0\x9f\x8e", false},
    {"four bytes, three missing", "\xf0", false},
    {"character behind a lead", "\xc3x", false},
    {"character for the third byte", "\xe2\x82x", false},
    {"character for the fourth byte", "\xf0\x9f\x8ex", false},
    {"lead behind a lead", "\xc3\xc3\xa4", false},
    {"slash overlong in two", "\xc0\xaf", false},
    {"slash overlong in three", "\xe0\x80\xaf", false},
    {"slash overlong in four", "\xf0\x80\x80\xaf", false},
    {"last overlong in two", "\xc1\xbf", false},
    {"last overlong in three", "\xe0\x9f\xbf", false},
    {"last overlong in four", "\xf0\x8f\xbf\xbf", false},
    {"NUL overlong, as Java has it", "\xc0\x80", false},
    {"first surrogate", "\xed\xa0\x80", false},
    {"last surrogate", "\xed\xbf\xbf", false},
    {"pair of surrogates, as CESU-8 has it", "\xed\xa0\xbd\xed\xb8\x80", false},
    {"U+110000", "\xf4\x90\x80\x80", false},
    {"five bytes", "\xf8\x88\x80\x80\x80", false},
    {"six bytes", "\xfc\x84\x80\x80\x80\x80", false},
    {"0xfe", "\xfe", false},
    {"0xff", "\xff", false},
    {"Latin-1", "na\xefve", false},
};

/* The sequence at every place among ASCII, so that it falls on either side of any word's border. */
static void assert_sequence(const struct sequence *s)
{
    size_t len = strlen(s->bytes);
    for (size_t before = 0; before < 20; before++) {
        for (size_t behind = 0; behind < 20; behind++) {
            size_t total = before + len + behind;
            char *text = malloc(total); /* exact, for AddressSanitizer */
            memset(text, 'x', total);
            memcpy(text + before, s->bytes, len);
            if (utf8_valid(text, total) != s->valid)
                ck_abort_msg("%s, %zu before, %zu behind", s->name, before, behind);
            free(text);
        }
    }
}

START_TEST(knows_good_from_bad)
{
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
        assert_sequence(&sequences[i]);
}
END_TEST

START_TEST(nothing_and_nul_are_valid)
{
    ck_assert(utf8_valid(NULL, 0));
    ck_assert(utf8_valid("", 0));
    ck_assert(utf8_valid("\0", 1));
    ck_assert(utf8_valid("a\0b", 3));
    ck_assert_uint_eq(utf8_character("", 0), 0);
}
END_TEST

static size_t encode(uint32_t c, char *ret)
{
    if (c < 0x80) {
        ret[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        ret[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    ret[0] = (char)((0xf00 >> len) | c);
    return len;
}

START_TEST(accepts_every_character_and_no_surrogate)
{
    char bytes[4];
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        size_t len = encode(c, bytes);
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        size_t found = utf8_character(bytes, len);
        if (found != (surrogate ? 0 : len))
            ck_abort_msg("U+%04X: %zu", c, found);
        if (utf8_character(bytes, len - 1) != 0)
            ck_abort_msg("U+%04X is found when it is cut", c);
    }
}
END_TEST

/* There are 1920, 61440 and 1048576 characters of two, three and four bytes. That all of them are
 * found is tested above; that there are no more of them is that nothing else is. */
START_TEST(accepts_nothing_else)
{
    size_t found[5] = {0};
    for (uint32_t n = 0; n < 1u << 24; n++) {
        char bytes[4] = {(char)(n >> 16), (char)(n >> 8), (char)n, (char)0x80};
        found[utf8_character(bytes, 4)]++;
    }
    ck_assert_uint_eq(found[1], (size_t)128 << 16);
    ck_assert_uint_eq(found[2], (size_t)1920 << 8);
    ck_assert_uint_eq(found[3], 61440);
    /* The fourth byte was one of 64. */
    ck_assert_uint_eq(found[4], 1048576 / 64);
    for (unsigned last = 0; last < 256; last++) {
        char bytes[4] = {(char)0xf1, (char)0x80, (char)0x80, (char)last};
        ck_assert_int_eq(utf8_valid(bytes, 4), (last & 0xc0) == 0x80);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf8");
    TCase *tc = tcase_create("utf8");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, knows_good_from_bad);
    tcase_add_test(tc, nothing_and_nul_are_valid);
    tcase_add_test(tc, accepts_every_character_and_no_surrogate);
    tcase_add_test(tc, accepts_nothing_else);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
