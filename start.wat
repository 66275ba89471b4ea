(module (memory (export "memory") 1) (func $start (drop (i32.load (i32.const 0x7fffffff)))) (start $start)
  (func (export "run")))
