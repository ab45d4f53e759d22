(component
  (core module $m
    (memory (export "memory") 17)
    (data (i32.const 16) "a data segment, so that the memory has an image")
    (global $next (mut i32) (i32.const 4096))
    ;; Bump allocation: the instance lives for one call.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next
        (i32.and (i32.add (i32.add (local.get $at) (local.get 3)) (i32.const 7)) (i32.const -8)))
      (local.get $at))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $i "echo")
      (memory $i "memory")
      (realloc (func $i "realloc")))))
