;; Uses its stack so deep, writes to all of its mebibyte, and waits so many
;; milliseconds.
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
    (memory 16)
    (func $dive (param $depth i32) (result i32)
      (if (result i32) (local.get $depth)
        (then (i32.add (i32.const 1) (call $dive (i32.sub (local.get $depth) (i32.const 1)))))
        (else (i32.const 0))))
    (func (export "run") (param $depth i32) (param $ms i32) (result i32)
      (local $pollable i32)
      (drop (call $dive (local.get $depth)))
      (memory.fill (i32.const 0) (i32.const 0xa5) (i32.const 0x100000))
      (local.set $pollable (call $subscribe
        (i64.mul (i64.extend_i32_u (local.get $ms)) (i64.const 1000000))))
      (call $block (local.get $pollable))
      (call $drop (local.get $pollable))
      (i32.load8_u (i32.const 0xfffff))))
  (core instance $i (instantiate $m
    (with "p" (instance
      (export "drop" (func $drop)) (export "block" (func $block))
      (export "subscribe" (func $subscribe))))))
  (func (export "run") (param "depth" u32) (param "ms" u32) (result u32)
    (canon lift (core func $i "run"))))
