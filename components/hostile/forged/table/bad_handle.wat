;; Drops and uses handles that are none, in so many ways; 0 is as it should be.
;; Odd ones are handles of its own, even ones of the host.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $p' (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p'))))))
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core func $rep (canon resource.rep $r))
  (core func $drop-pollable (canon resource.drop $pollable))
  (core func $ready (canon lower (func $poll "[method]pollable.ready")))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "r" "new" (func $new (param i32) (result i32)))
    (import "r" "drop" (func $drop (param i32)))
    (import "r" "rep" (func $rep (param i32) (result i32)))
    (import "p" "drop" (func $drop-pollable (param i32)))
    (import "p" "ready" (func $ready (param i32) (result i32)))
    (import "p" "subscribe" (func $subscribe (param i64) (result i32)))
    (func (export "run") (param $how i32) (result i32)
      (local $own i32) (local $hosts i32)
      (local.set $own (call $new (i32.const 42)))
      (local.set $hosts (call $subscribe (i64.const 0)))
      (block $end
        (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
          (br_table $end $1 $2 $3 $4 $5 $6 $7 $8 (local.get $how)))
          ;; 1: handle 0, which is never given.
          (call $drop (i32.const 0)) (br $end))
          (call $drop-pollable (i32.const 0)) (br $end))
          ;; 3: the largest index that there could be.
          (call $drop (i32.const 0x10000000)) (br $end))
          (drop (call $ready (i32.const 0x10000000))) (br $end))
          ;; 5: dropped twice.
          (call $drop (local.get $own)) (br $end))
          (call $drop-pollable (local.get $hosts)) (br $end))
          ;; 7: used after it is dropped.
          (call $drop (local.get $own))
          (drop (call $rep (local.get $own))) (br $end))
        ;; 8: its own in place of the host's.
        (drop (call $ready (local.get $own))))
      (call $drop (local.get $own))
      (call $drop-pollable (local.get $hosts))
      (i32.const 7)))
  (core instance $i (instantiate $m
    (with "r" (instance
      (export "new" (func $new)) (export "drop" (func $drop)) (export "rep" (func $rep))))
    (with "p" (instance
      (export "drop" (func $drop-pollable)) (export "ready" (func $ready))
      (export "subscribe" (func $subscribe))))))
  (func (export "run") (param "how" u32) (result u32) (canon lift (core func $i "run"))))
