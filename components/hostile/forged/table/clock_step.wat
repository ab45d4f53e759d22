;; Reads the clock so many times. Answers with the smallest step that it saw,
;; in nanoseconds; without a step with all ones, without a reading with 0.
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core module $m
    (import "clock" "now" (func $now (result i64)))
    (func (export "run") (param $times i32) (result i64)
      (local $before i64) (local $now i64) (local $least i64)
      (if (i32.eqz (local.get $times)) (then (return (i64.const 0))))
      (local.set $least (i64.const -1))
      (local.set $before (call $now))
      (loop $again
        (local.set $now (call $now))
        (if (i64.ne (local.get $now) (local.get $before)) (then
          (local.set $before (i64.sub (local.get $now) (local.get $before)))
          (if (i64.lt_u (local.get $before) (local.get $least))
            (then (local.set $least (local.get $before))))
          (local.set $before (local.get $now))))
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br_if $again (local.get $times)))
      (local.get $least)))
  (core instance $i (instantiate $m
    (with "clock" (instance (export "now" (func $now))))))
  (func (export "run") (param "times" u32) (result u64) (canon lift (core func $i "run"))))
