// Built with AssemblyScript 0.28.20 (npm install assemblyscript), in this directory:
//   npx asc counter.ts -O --runtime stub --use abort=counter/abort -o assemblyscript.wasm
// The module beside it is what that writes; "asc" is not needed to run the tests.

// Counts its own runs in the default store, through fermyon:spin/key-value@2.0.0, as the C guest
// counter does. Strings cross the border as UTF-8 of address and length.

@external("fermyon:spin/key-value@2.0.0", "[static]store.open")
declare function open(label: usize, len: usize, ret: usize): void;
@external("fermyon:spin/key-value@2.0.0", "[method]store.get")
declare function get(store: u32, key: usize, len: usize, ret: usize): void;
@external("fermyon:spin/key-value@2.0.0", "[method]store.set")
declare function set(store: u32, key: usize, len: usize, value: usize, valueLen: usize, ret: usize): void;
@external("fermyon:spin/key-value@2.0.0", "[resource-drop]store")
declare function drop(store: u32): void;
@external("wasi_snapshot_preview1", "fd_write")
declare function fdWrite(fd: u32, buffers: usize, count: usize, ret: usize): u32;

// With this the host allocates what it returns.
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  return old == 0 ? heap.alloc(size + 1) : heap.realloc(old, size + 1);
}

function print(text: string): void {
  const bytes = String.UTF8.encode(text);
  const buffer = heap.alloc(16);
  store<usize>(buffer, changetype<usize>(bytes));
  store<usize>(buffer, bytes.byteLength, 4);
  fdWrite(1, buffer, 1, buffer + 8);
  heap.free(buffer);
}

// The exit status.
export function run(): i32 {
  const result = heap.alloc(16);
  const label = String.UTF8.encode("default"), key = String.UTF8.encode("runs");
  open(changetype<usize>(label), label.byteLength, result);
  if (load<u8>(result) != 0) return 1;
  const handle = load<u32>(result, 4);
  get(handle, changetype<usize>(key), key.byteLength, result);
  if (load<u8>(result) != 0) return 2;
  let runs: i32 = 1;
  if (load<u8>(result, 4) == 1)
    runs = I32.parseInt(String.UTF8.decodeUnsafe(load<usize>(result, 8), load<usize>(result, 12))) + 1;
  const text = String.UTF8.encode(runs.toString());
  set(handle, changetype<usize>(key), key.byteLength, changetype<usize>(text), text.byteLength, result);
  if (load<u8>(result) != 0) return 3;
  drop(handle);
  print("run " + runs.toString() + "\n");
  return 0;
}

// What a failed check of the language itself comes to: a trap.
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  unreachable();
}
