/* What bobbind does with one directory instead of serving: says whether it would do as an app and whether its store is
 * whole, or recovers the store. Writes what it finds to standard output, what is wrong to standard error; returns the
 * program's exit status. */
#ifndef BOBBIN_DAEMON_INSPECT_H
#define BOBBIN_DAEMON_INSPECT_H

int inspect_check(const char *path);
int inspect_recover(const char *path);

#endif
