;; Makes room for two lists; how it does so is said by the length of the first,
;; and 1 is as it should be. Answers with the sum of what it finds.
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core module $m
    (import "clock" "now" (func $now (result i64)))
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $how i32)
      (local.set $how (i32.div_u (local.get 3) (i32.const 4)))
      ;; 2: far out of bounds; 3: not all of it; 4: not aligned; 5: the same each
      ;; time; 6: asks the host first; 7: traps; 8: never ends.
      (if (i32.eq (local.get $how) (i32.const 2)) (then (return (i32.const -65536))))
      (if (i32.eq (local.get $how) (i32.const 3)) (then (return (i32.const 65528))))
      (if (i32.eq (local.get $how) (i32.const 4)) (then (return (i32.const 1025))))
      (if (i32.eq (local.get $how) (i32.const 5)) (then (return (i32.const 1024))))
      (if (i32.eq (local.get $how) (i32.const 6)) (then (drop (call $now))))
      (if (i32.eq (local.get $how) (i32.const 7)) (then unreachable))
      (if (i32.eq (local.get $how) (i32.const 8)) (then (loop (br 0))))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3))))
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      (i32.add (i32.load (local.get 0)) (i32.load (local.get 2)))))
  (core instance $i (instantiate $m
    (with "clock" (instance (export "now" (func $now))))))
  (func (export "run") (param "first" (list u32)) (param "second" (list u32)) (result u32)
    (canon lift (core func $i "run") (memory $i "memory") (realloc (func $i "realloc")))))
