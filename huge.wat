(module (memory (export "memory") 400) (func (export "run")))
