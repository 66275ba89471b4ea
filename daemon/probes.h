/* Static probes for bpftrace, perf and the like: a nop each until somebody asks for them. Present
 * where systemtap-sdt-dev was there to build with; METRICS.md lists them. */
#ifndef BOBBIN_DAEMON_PROBES_H
#define BOBBIN_DAEMON_PROBES_H

#ifdef BOBBIN_HAS_SDT
#include <sys/sdt.h>
/* connection, request id, method */
#define PROBE_REQUEST(connection, id, method) DTRACE_PROBE3(bobbin, request, connection, id, method)
/* connection, request id, 0 or -ERR */
#define PROBE_ANSWER(connection, id, status) DTRACE_PROBE3(bobbin, answer, connection, id, status)
/* directory; directory, operations: before and after a batch is on the pool */
#define PROBE_BATCH_BEGIN(directory) DTRACE_PROBE1(bobbin, batch__begin, directory)
#define PROBE_BATCH_END(directory, count) DTRACE_PROBE2(bobbin, batch__end, directory, count)
/* directory, nanoseconds of the commit, 0 or -ERR; on the thread that made it */
#define PROBE_COMMIT(directory, ns, status) DTRACE_PROBE3(bobbin, commit, directory, ns, status)
#else
#define PROBE_REQUEST(connection, id, method) ((void)0)
#define PROBE_ANSWER(connection, id, status) ((void)0)
#define PROBE_BATCH_BEGIN(directory) ((void)0)
#define PROBE_BATCH_END(directory, count) ((void)0)
#define PROBE_COMMIT(directory, ns, status) ((void)0)
#endif

#endif
