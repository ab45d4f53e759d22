;; Answers with so many texts, all of them the same megabyte.
(component
  (core module $m
    (memory (export "memory") 160)
    (func (export "run") (param $items i32) (result i32)
      (local $at i32) (local $end i32)
      (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 1048576))
      (local.set $at (i32.const 1200000))
      (local.set $end (i32.add (local.get $at) (i32.mul (local.get $items) (i32.const 8))))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
          (i32.store (local.get $at) (i32.const 65536))
          (i32.store offset=4 (local.get $at)
            (select (i32.const 1048576) (i32.const 2)
              (i32.gt_u (local.get $items) (i32.const 2))))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br $next)))
      (i32.store (i32.const 8) (i32.const 1200000))
      (i32.store (i32.const 12) (local.get $items))
      (i32.const 8)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "items" u32) (result (list string))
    (canon lift (core func $i "run") (memory $i "memory"))))
