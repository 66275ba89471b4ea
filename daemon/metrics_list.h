/* The metrics: one list from which the exposition, its documentation and the tests follow. */
#ifndef BOBBIN_DAEMON_METRICS_LIST_H
#define BOBBIN_DAEMON_METRICS_LIST_H

/* X(writer, name without _total or _info, type, unit, what it tells). The name ends in the unit. */
#define METRICS_LIST(X)                                                                            \
    X(build, "bobbin_build", INFO, "", "Version of the daemon.")                                   \
    X(uptime, "bobbin_uptime_seconds", GAUGE, "seconds", "How long the daemon has run.")           \
    X(memory, "bobbin_resident_memory_bytes", GAUGE, "bytes", "Resident memory of the daemon.")    \
    X(cpu, "bobbin_cpu_seconds", COUNTER, "seconds", "Processor time of the daemon.")              \
    X(fds, "bobbin_open_fds", GAUGE, "", "File descriptors that the daemon has open.")             \
    X(connections, "bobbin_connections", GAUGE, "", "Open connections.")                           \
    X(accepted, "bobbin_accepted_connections", COUNTER, "", "Connections that were opened.")       \
    X(requests, "bobbin_requests", COUNTER, "", "Requests of all connections.")                    \
    X(errors, "bobbin_errors", COUNTER, "",                                                        \
      "Requests of all connections that were refused or failed, by error code.")                   \
    X(cache_bytes, "bobbin_cache_bytes", GAUGE, "bytes", "Memory in the cache of values.")         \
    X(cache_limit, "bobbin_cache_limit_bytes", GAUGE, "bytes", "Memory that the cache may use.")   \
    X(apps, "bobbin_apps", GAUGE, "", "Registered apps.")                                          \
    X(loop, "bobbin_scrape_loop_seconds", GAUGE, "seconds",                                        \
      "How long the event loop was kept by this scrape.")                                          \
    X(operations, "bobbin_operations", COUNTER, "",                                                \
      "Requests on a store, by method; store \"\" stands for labels that the manifest does not grant.") \
    X(app_errors, "bobbin_app_errors", COUNTER, "",                                                \
      "Requests on the app's connections that were refused or failed, by error code.")             \
    X(received, "bobbin_app_received_bytes", COUNTER, "bytes", "Received from the app's connections.") \
    X(sent, "bobbin_app_sent_bytes", COUNTER, "bytes", "Sent to the app's connections.")           \
    X(app_connections, "bobbin_app_connections", GAUGE, "", "Open connections of the app.")        \
    X(watches, "bobbin_app_watches", GAUGE, "", "Watches of the app's connections.")               \
    X(queued, "bobbin_app_queued_operations", GAUGE, "", "Operations that wait for their batch.")  \
    X(sizes, "bobbin_batch_operations", SIZES, "", "Operations of a batch.")                       \
    X(commits, "bobbin_commit_seconds", TIMES, "seconds",                                          \
      "How long the commit of a batch took, its sync included.")                                   \
    X(syncs, "bobbin_sync_seconds", TIMES, "seconds",                                              \
      "How long a batch waited for the disk to sync the commit log.")                              \
    X(hits, "bobbin_cache_hits", COUNTER, "", "Reads that were answered from memory.")             \
    X(misses, "bobbin_cache_misses", COUNTER, "",                                                  \
      "Reads that memory could have answered and that went to the file.")                          \
    X(expired, "bobbin_expired_entries", COUNTER, "", "Entries removed because their time was over.") \
    X(store_bytes, "bobbin_store_bytes", GAUGE, "bytes",                                           \
      "Size of the app's SQLite file and its logs, as last looked at.")                            \
    X(trouble, "bobbin_app_trouble", GAUGE, "",                                                    \
      "Whether the app's manifest or directory is in trouble; bobbin status tells why.")           \
    X(state, "bobbin_component_state", STATES, "",                                                 \
      "State of a component's instance: 1 for the one that it is in.")                             \
    X(restarts, "bobbin_component_restarts", COUNTER, "",                                          \
      "Restarts by policy since the component was started.")                                       \
    X(component_memory, "bobbin_component_memory_bytes", GAUGE, "bytes",                           \
      "Resident memory of the component's process.")                                               \
    X(component_cpu, "bobbin_component_cpu_seconds", COUNTER, "seconds",                           \
      "Processor time of the component's process.")

#endif
