/* Memory for libuv, which ends the process where there is none for its table of descriptors. */
#ifndef BOBBIN_LOOP_MEMORY_H
#define BOBBIN_LOOP_MEMORY_H

/* So much is lent to it, once, before it is told that there is none. */
#define LOOP_MEMORY_RESERVE (256u << 10)

/* Before anything else of libuv is called. The reserve is taken from on any thread. */
void loop_memory_init(void);

#endif
