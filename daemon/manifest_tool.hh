/* The tables [application.tool.bobbin] and [component.ID.tool.bobbin]: what only Bobbin knows. */
#ifndef BOBBIN_DAEMON_MANIFEST_TOOL_HH
#define BOBBIN_DAEMON_MANIFEST_TOOL_HH

#include "daemon/manifest.h"
#include "daemon/toml_read.hh"

/* Sets what the component's table says in `spec`, or the defaults: command, args, policies, limits.
 * What it allocates is the spec's also when it throws. */
void manifest_tool_read(const toml_document &doc, const toml::table &component,
                        struct component_spec *spec);

/* Sets the fields of `m` that are of the app as a whole from the table
 * [application], in manifest version 1 from the root. */
void manifest_tool_read_app(const toml_document &doc, const toml::table &application,
                            struct manifest *m);

#endif
