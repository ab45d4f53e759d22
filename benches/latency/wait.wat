;; Waits in the host for so many milliseconds.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $p' (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p'))))))
  (core func $drop (canon resource.drop $pollable))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "p" "drop" (func $drop (param i32)))
    (import "p" "block" (func $block (param i32)))
    (import "p" "subscribe" (func $subscribe (param i64) (result i32)))
    (memory (export "memory") 17)
    (func (export "run") (param $ms i32) (result i32)
      (local $pollable i32)
      (local.set $pollable (call $subscribe
        (i64.mul (i64.extend_i32_u (local.get $ms)) (i64.const 1000000))))
      (call $block (local.get $pollable))
      (call $drop (local.get $pollable))
      (local.get $ms)))
  (core instance $i (instantiate $m
    (with "p" (instance
      (export "drop" (func $drop)) (export "block" (func $block))
      (export "subscribe" (func $subscribe))))))
  (func (export "run") (param "ms" u32) (result u32) (canon lift (core func $i "run"))))
