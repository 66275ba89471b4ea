/* Answers and requests as text: what the model says and what the service says is written by the
 * same functions, compared as text, and read by people when it differs. */
#ifndef BOBBIN_TESTS_MODEL_ANSWER_H
#define BOBBIN_TESTS_MODEL_ANSWER_H

#include <bobbin.h>
#include <stdio.h>

/* The pieces. Bytes are quoted, long ones shortened to their begin, length and checksum; data NULL
 * is no entry. */
void answer_bytes(FILE *out, bobbin_string bytes);
void answer_done(FILE *out);
void answer_error(FILE *out, bobbin_status status);
void answer_exists(FILE *out, bool exists);
/* BOBBIN_TTL_…, or any time that is left, which is not written. */
void answer_ttl(FILE *out, int64_t ms);
void answer_number(FILE *out, int64_t number);
void answer_count(FILE *out, uint64_t entries, uint64_t bytes);
void answer_swap(FILE *out, bool swapped, bobbin_string current);
void answer_atomic(FILE *out, bool applied, size_t failed_check);
/* Behind the keys, or the keys and values, of a page. */
void answer_page_end(FILE *out, bool more);

/* A whole answer of the library. */
void answer_print(FILE *out, const bobbin_result *result);
/* A request, for the list of what was done before a failure. */
void answer_print_request(FILE *out, const bobbin_request *request);

#endif
