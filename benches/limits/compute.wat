;; Mixes a table of 64 KiB so many times over: loads, stores, multiplications,
;; branches and calls, as code has them.
(component
  (core module $m
    (memory 2)
    (func $mix (param $x i64) (result i64)
      (i64.xor
        (i64.mul (local.get $x) (i64.const 0x9e3779b97f4a7c15))
        (i64.shr_u (local.get $x) (i64.const 29))))
    (func (export "run") (param $rounds i32) (result i64)
      (local $at i32) (local $sum i64)
      (loop $round
        (local.set $at (i32.const 0))
        (loop $step
          (local.set $sum (call $mix (i64.add (local.get $sum) (i64.load (local.get $at)))))
          (if (i64.lt_s (local.get $sum) (i64.const 0))
            (then (i64.store (local.get $at) (local.get $sum)))
            (else (i64.store offset=8 (local.get $at) (local.get $sum))))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if $step (i32.lt_u (local.get $at) (i32.const 0x10000))))
        (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
        (br_if $round (local.get $rounds)))
      (local.get $sum)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "rounds" u32) (result u64) (canon lift (core func $i "run"))))
