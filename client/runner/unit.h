/* Included into each unit of wasm2c's C code behind its own definitions. */

/* A module may have tens of thousands of data segments; each inlined, they would take the compiler
 * longer than all else. */
#if defined(LOAD_DATA) && !WABT_BIG_ENDIAN
#undef LOAD_DATA
#define LOAD_DATA(m, o, i, s) guest_load_data(&(m), o, i, s)
static __attribute__((noinline, unused)) void guest_load_data(wasm_rt_memory_t *mem, u64 at,
                                                              const u8 *from, u32 len)
{
    RANGE_CHECK(mem, at, len);
    memcpy(mem->data + at, from, len);
}
#endif

/* What the runner allows, from the first moment of the memory. */
void guest_limit_memory(wasm_rt_memory_t *memory);
#define wasm_rt_allocate_memory(memory, ...)                                                       \
    (wasm_rt_allocate_memory(memory, __VA_ARGS__), guest_limit_memory(memory))
