/* Who besides the owner may use an app: allow_users and allow_groups in [application.tool.bobbin]
 * (manifest version 2) or [tool.bobbin] (version 1). */
#ifndef BOBBIN_DAEMON_MANIFEST_GRANTS_HH
#define BOBBIN_DAEMON_MANIFEST_GRANTS_HH

#include "daemon/manifest.h"
#include "daemon/toml_read.hh"

/* Names are looked up now; numbers stand for themselves. */
void manifest_grants(const toml_document &doc, const toml::table &tool, struct manifest *m);

#endif
