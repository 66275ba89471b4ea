/* The files that a manifest names: all within the app directory, wherever symbolic links lead. */
#ifndef BOBBIN_DAEMON_MANIFEST_FILES_HH
#define BOBBIN_DAEMON_MANIFEST_FILES_HH

#include <string>
#include <sys/stat.h>

#include "daemon/manifest.h"
#include "daemon/toml_read.hh"

/* What every reader of a component needs. */
struct manifest_context {
    const toml_document &doc;
    const std::string &directory; /* as given */
    const std::string &real;      /* canonical */
};

/* "" with errno when it leads nowhere. */
std::string manifest_real_path(const std::string &path);

/* Which file that is. */
struct source_mark manifest_mark(const struct stat &st);

/* The module's absolute path, and which file it is now. */
std::string manifest_source(const manifest_context &c, const toml::node &node,
                            struct source_mark *ret_mark);

/* The component's `files`, as component_spec has them: files, directories, patterns that match now.
 * Those that the tool table calls `writable` have "\trw" at their end. With `optional` those that are not there are passed over: a command of its own does without. */
char **manifest_files(const manifest_context &c, const toml::table &component, bool optional);

/* No component may write a component's module. */
void manifest_check_writable(const toml_document &doc, const struct manifest *m);

#endif
