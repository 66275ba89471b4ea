/* Runs a target on files, and on those in directories, once each; the sanitizers or the target itself
 * stop it at a finding. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static size_t replayed;

static void replay_file(const char *path)
{
    size_t len;
    uint8_t *bytes = fuzz_read(path, &len);
    uint8_t *exact = fuzz_exact(bytes, len);
    free(bytes);
    if (getenv("BOBBIN_FUZZ_VERBOSE"))
        fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    replayed++;
}

static void replay(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int count;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "there is no '%s'\n", path);
        exit(EXIT_FAILURE);
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char entry[4096];
        snprintf(entry, sizeof entry, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay(entry);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%zu inputs\n", replayed);
    return replayed ? EXIT_SUCCESS : EXIT_FAILURE;
}
