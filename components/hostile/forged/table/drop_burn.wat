;; Takes so many timers and gives them back one by one, with so many rounds of
;; computing before each: what charges a call of the host must not put off the
;; end of the guest's turn.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $p' (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p'))))))
  (core func $drop (canon resource.drop $pollable))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "p" "drop" (func $drop (param i32)))
    (import "p" "subscribe" (func $subscribe (param i64) (result i32)))
    (memory 1)
    (func $burn (param $rounds i32)
      (loop $round
        (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
        (br_if $round (i32.gt_s (local.get $rounds) (i32.const 0)))))
    (func (export "run") (param $timers i32) (param $rounds i32) (result i32)
      (local $at i32)
      (if (i32.eqz (local.get $timers)) (then (return (i32.const 7))))
      (loop $again
        (local.set $at (local.get $timers))
        (loop $take
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (i32.store (i32.shl (local.get $at) (i32.const 2)) (call $subscribe (i64.const 0)))
          (br_if $take (local.get $at)))
        (local.set $at (local.get $timers))
        (loop $give
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (call $burn (local.get $rounds))
          (call $drop (i32.load (i32.shl (local.get $at) (i32.const 2))))
          (br_if $give (local.get $at)))
        (br $again))
      (unreachable)))
  (core instance $i (instantiate $m
    (with "p" (instance
      (export "drop" (func $drop)) (export "subscribe" (func $subscribe))))))
  (func (export "run") (param "timers" u32) (param "rounds" u32) (result u32)
    (canon lift (core func $i "run"))))
