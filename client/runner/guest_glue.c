/* Stands between wasm2c's code and the runner; compiled into every module's shared object, not into
 * the runner. names.h is generated for the module at hand: what wasm2c called things (APP_…), and
 * the definitions of the module's imports. */
#include "guest.h"
#include "names.h"

const struct guest_host *guest_host_in_use;
static APP_INSTANCE app;

/* wasm2c's runtime calls this instead of jumping away. */
void guest_trap(wasm_rt_trap_t reason)
{
    const char *what;
    switch (reason) {
    case WASM_RT_TRAP_OOB:
        what = "out of bounds memory or table access";
        break;
    case WASM_RT_TRAP_INT_OVERFLOW:
        what = "integer overflow";
        break;
    case WASM_RT_TRAP_DIV_BY_ZERO:
        what = "integer divide by zero";
        break;
    case WASM_RT_TRAP_INVALID_CONVERSION:
        what = "invalid conversion to integer";
        break;
    case WASM_RT_TRAP_UNREACHABLE:
        what = "unreachable instruction executed";
        break;
    case WASM_RT_TRAP_CALL_INDIRECT:
        what = "indirect call of a missing function or with another type";
        break;
    case WASM_RT_TRAP_UNCAUGHT_EXCEPTION:
        what = "uncaught exception";
        break;
    case WASM_RT_TRAP_EXHAUSTION:
        what = "call stack exhausted";
        break;
    default:
        what = "trap";
    }
    guest_host_in_use->trap(guest_host_in_use->context, what);
}

extern __attribute__((visibility("hidden"))) const int32_t guest_symbols[];

/* Growing beyond it fails, which every program must expect; to begin beyond it is a trap. */
void guest_limit_memory(wasm_rt_memory_t *memory)
{
    uint64_t pages = guest_host_in_use->memory_max >> 16;
    if (guest_host_in_use->memory_max == 0)
        return;
    if (memory->pages > pages)
        guest_host_in_use->trap(guest_host_in_use->context,
                                "the module begins with more memory than memory_max allows");
    if (memory->max_pages > pages)
        memory->max_pages = pages;
}

static void guest_instantiate(const struct guest_host *host)
{
    guest_host_in_use = host;
    wasm_rt_init();
    APP_INIT_MODULE;
    APP_INSTANTIATE(&app APP_IMPORTS);
}

#ifdef APP_MEMORY
static uint8_t *guest_memory(uint64_t *ret_size)
{
    wasm_rt_memory_t *memory = APP_MEMORY(&app);
    *ret_size = memory->size;
    return memory->data;
}
#else
#define guest_memory 0
#endif

#ifdef APP_REALLOC
static uint32_t guest_realloc(uint32_t old, uint32_t old_size, uint32_t align, uint32_t new_size)
{
    return APP_REALLOC(&app, old, old_size, align, new_size);
}
#else
#define guest_realloc 0
#endif

#ifdef APP_INITIALIZE
static void guest_initialize(void)
{
    APP_INITIALIZE(&app);
}
#else
#define guest_initialize 0
#endif

#ifdef APP_START
static void guest_start(void)
{
    APP_START(&app);
}
#else
#define guest_start 0
#endif

#ifdef APP_RUN
static uint32_t guest_run(void)
{
    return APP_RUN(&app);
}
#else
#define guest_run 0
#endif

__attribute__((visibility("default"))) const struct guest GUEST_SYMBOL = {
    GUEST_ABI,        APP_MADE_FROM, guest_instantiate, guest_memory,  guest_realloc,
    guest_initialize, guest_start,   guest_run,         guest_symbols,
};
