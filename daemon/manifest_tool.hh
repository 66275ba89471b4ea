/* The table [component.ID.tool.bobbin]: what only Bobbin knows of a component. */
#ifndef BOBBIN_DAEMON_MANIFEST_TOOL_HH
#define BOBBIN_DAEMON_MANIFEST_TOOL_HH

#include "daemon/manifest.h"
#include "daemon/toml_read.hh"

/* Sets command, args, and the restart policy of `spec` from the component's table, or their
 * defaults. What it allocates is the spec's also when it throws. */
void manifest_tool_read(const toml_document &doc, const toml::table &component,
                        struct component_spec *spec);

#endif
