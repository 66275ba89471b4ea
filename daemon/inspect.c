#include "daemon/inspect.h"

#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/directory.h"
#include "daemon/manifest.h"
#include "daemon/store_recover.h"

static int fail(const struct error *e)
{
    fprintf(stderr, "bobbind: %s\n", e->text);
    return EXIT_FAILURE;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* Root could be led anywhere by what stands in somebody's directory. */
static int become_owner(const struct directory *directory, struct error *e)
{
    if (geteuid() != 0 || directory->uid == 0)
        return 0;
    if (setgroups(0, NULL) || setresgid(directory->gid, directory->gid, directory->gid) ||
        setresuid(directory->uid, directory->uid, directory->uid))
        return error_set(e, ERR_OTHER, "cannot act as the owner of '%s': %m", directory->path);
    return 0;
}

static int open_directory(const char *path, struct directory *directory, struct error *e)
{
    int rc = directory_init(directory, path, e);
    if (rc)
        return rc;
    rc = directory_check_private(directory, e);
    if (rc)
        directory_fini(directory);
    return rc;
}

static void tell_store(const struct store_verified *store)
{
    if (store->absent)
        return;
    if (store->in_use)
        printf("store in use, not looked at\n");
    else
        printf("store with %" PRIu64 " entr%s in its file, and %" PRIu64 " commit%s in its log: whole\n",
               store->entries, store->entries == 1 ? "y" : "ies", store->logged,
               plural(store->logged));
}

int inspect_check(const char *path)
{
    struct directory directory;
    struct manifest *manifest = NULL;
    struct store_verified store;
    struct error e;
    int rc = open_directory(path, &directory, &e);
    if (rc)
        return fail(&e);
    rc = manifest_load(directory.path, &manifest, &e);
    if (!rc)
        rc = become_owner(&directory, &e);
    if (!rc)
        rc = store_verify(&directory, &store, &e);
    if (!rc) {
        printf("app '%s' with %zu component%s\n", manifest->name, manifest->component_count,
               plural(manifest->component_count));
        tell_store(&store);
    }
    manifest_free(manifest);
    directory_fini(&directory);
    return rc ? fail(&e) : EXIT_SUCCESS;
}

static void tell_recovered(const struct directory *directory, const struct store_recovered *r)
{
    if (r->whole) {
        printf("the store is whole; nothing was changed\n");
        return;
    }
    printf("recovered %" PRIu64 " entr%s", r->entries, r->entries == 1 ? "y" : "ies");
    if (r->orphans)
        printf(", %" PRIu64 " of them from pages that nothing led to", r->orphans);
    printf("; %" PRIu64 " commit%s taken from the commit log\n", r->commits, plural(r->commits));
    printf("%" PRIu32 " damaged page%s, %" PRIu64 " damaged row%s, %" PRIu64
           " key%s known whose values are lost\n",
           r->damaged, plural(r->damaged), r->broken, plural(r->broken), r->lost, plural(r->lost));
    printf("the damaged file is '%s/.spin/%s'\n", directory->path, r->kept);
}

int inspect_recover(const char *path)
{
    struct directory directory;
    struct store_recovered recovered;
    struct error e;
    int rc = open_directory(path, &directory, &e);
    if (rc)
        return fail(&e);
    rc = become_owner(&directory, &e);
    if (!rc)
        rc = store_recover(&directory, &recovered, &e);
    if (!rc)
        tell_recovered(&directory, &recovered);
    directory_fini(&directory);
    return rc ? fail(&e) : EXIT_SUCCESS;
}
