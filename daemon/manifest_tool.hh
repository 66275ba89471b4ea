/* The tables [application.tool.bobbin] and [component.ID.tool.bobbin]: what only Bobbin knows. */
#ifndef BOBBIN_DAEMON_MANIFEST_TOOL_HH
#define BOBBIN_DAEMON_MANIFEST_TOOL_HH

#include "daemon/manifest.h"
#include "daemon/toml_read.hh"

/* Sets command, args, and the restart policy of `spec` from the component's table, or their
 * defaults. What it allocates is the spec's also when it throws. */
void manifest_tool_read(const toml_document &doc, const toml::table &component,
                        struct component_spec *spec);

/* Sets the fields of `m` that are of the app as a whole from the table [application]. */
void manifest_tool_read_app(const toml_document &doc, const toml::table &application,
                            struct manifest *m);

#endif
