/* What a C program expects of WASI: prints what it finds, and ends with status 7. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void on_exit_of_program(void)
{
    puts("atexit");
}

static void print_memory(void)
{
    size_t size = 8 << 20;
    char *bytes = malloc(size);
    if (!bytes)
        exit(1);
    memset(bytes, 'x', size);
    printf("malloc %zu %c\n", size, bytes[size - 1]);
    free(bytes);
}

static void print_random(void)
{
    unsigned char bytes[256];
    int different = 0;
    if (getentropy(bytes, sizeof(bytes)))
        exit(1);
    for (size_t i = 1; i < sizeof(bytes); i++)
        different += bytes[i] != bytes[0];
    printf("random %s\n", different > 128 ? "yes" : "no");
}

static void print_clocks(void)
{
    struct timespec before, after, pause = {0, 20000000};
    clock_gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long slept =
        (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    printf("slept %s\n", slept >= 20000000 ? "yes" : "no");
    printf("time %s\n", time(NULL) > 1600000000 ? "yes" : "no");
}

static void print_files(void)
{
    struct stat st;
    int fd = open("/etc/passwd", O_RDONLY);
    /* Without preopened directories older versions of wasi-libc say the one, newer ones the other.
     */
    bool refused = fd < 0 && (errno == ENOTCAPABLE || errno == ENOENT);
    printf("open %s\n", refused ? "refused" : strerror(errno));
    printf("stdout %s\n", fstat(1, &st) == 0 ? "there" : strerror(errno));
    printf("descriptor 3 %s\n", fstat(3, &st) < 0 ? strerror(errno) : "there");
}

int main(int argc, char **argv)
{
    char line[64] = "";
    atexit(on_exit_of_program);
    for (int i = 0; i < argc; i++)
        printf("argument %d %s\n", i, argv[i]);
    for (char **v = environ; *v; v++)
        if (strncmp(*v, "GREETING=", 9) == 0 || strncmp(*v, "PATH=", 5) == 0 ||
            strncmp(*v, "BOBBIN_", 7) == 0)
            printf("environment %s\n", *v);
    print_memory();
    print_random();
    print_clocks();
    print_files();
    printf("float %.3f\n", 1.0 / 3.0);
    if (fgets(line, sizeof(line), stdin))
        printf("input %s", line);
    fprintf(stderr, "to stderr\n");
    return 7;
}
