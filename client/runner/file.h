/* Whole files. */
#ifndef BOBBIN_RUNNER_FILE_H
#define BOBBIN_RUNNER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/errors.h"

/* The largest file that is read: a module beyond this is a mistake. */
#define FILE_MAX (256u << 20)

/* The contents, to be freed, followed by a NUL that is not counted. ERR_OTHER names the file. */
int file_read(const char *path, void **ret_bytes, size_t *ret_len, struct error *e);
/* The same for a file of up to `max` bytes. */
int file_read_up_to(const char *path, uint64_t max, void **ret_bytes, size_t *ret_len,
                    struct error *e);
/* Whether there is such a file in a directory, to be read. */
bool file_is_in(const char *directory, const char *file);
/* Create the file, which must not be there. */
int file_write(const char *path, const void *bytes, size_t len, struct error *e);
/* Delete a directory and the files in it, not deeper. Tells nobody if it cannot. */
void file_remove_directory(const char *path);

#endif
