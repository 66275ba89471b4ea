/* The sources that are compiled into every module's shared object, as text. */
#ifndef BOBBIN_RUNNER_EMBEDDED_H
#define BOBBIN_RUNNER_EMBEDDED_H

extern const char embedded_guest_h[];
extern const char embedded_guest_glue_c[];
extern const char embedded_unit_h[];

#endif
