;; Goes from word to word of 32 MiB in an order that no cache foresees: by fuel
;; it does little, by the clock it takes a hundred times as long. Computes as
;; many rounds as it is told.
(component
  (core module $m
    (memory 512)
    (func (export "run") (param $rounds i32) (result i32)
      (local $word i32) (local $at i32)
      (if (i32.eqz (local.get $rounds)) (then (return (i32.const 7))))
      ;; Each word holds the place of the next: one circle through all of them.
      (loop $fill
        (i32.store (i32.shl (local.get $word) (i32.const 2))
          (i32.shl
            (i32.and
              (i32.add (i32.mul (local.get $word) (i32.const 1664525)) (i32.const 1013904223))
              (i32.const 0x7fffff))
            (i32.const 2)))
        (local.set $word (i32.add (local.get $word) (i32.const 1)))
        (br_if $fill (i32.lt_u (local.get $word) (i32.const 0x800000))))
      (loop $round
        (local.set $at
          (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load
          (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load
          (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load
          (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load (i32.load
          (local.get $at))))))))))))))))))))))))))))))))))
        (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
        (br_if $round (local.get $rounds)))
      (local.get $at)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "rounds" u32) (result u32) (canon lift (core func $i "run"))))
