;; Answers with 7. Where it attacks, what cleans up after that calls itself for
;; ever.
(component
  (core module $m
    (global $attack (mut i32) (i32.const 0))
    (func $dive (param $n i32) (result i32)
      (i32.add (call $dive (i32.add (local.get $n) (i32.const 1))) (local.get $n)))
    (func (export "run") (param i32) (result i32)
      (global.set $attack (local.get 0))
      (i32.const 7))
    (func (export "clean-up") (param i32)
      (if (global.get $attack) (then (drop (call $dive (i32.const 0)))))))
  (core instance $i (instantiate $m))
  (func (export "run") (param "attack" bool) (result u32)
    (canon lift (core func $i "run") (post-return (func $i "clean-up")))))
