;; Grows its memory page by page, at most to so many, and writes to every byte.
;; Answers with the pages that it got.
(component
  (core module $m
    (memory 1)
    (func (export "run") (param $most i32) (result i32)
      (local $at i32)
      (loop $more
        (local.set $at (i32.mul (memory.size) (i32.const 65536)))
        (if (i32.ge_u (memory.size) (local.get $most)) (then (return (memory.size))))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (return (memory.size))))
        (memory.fill (local.get $at) (i32.const 0xff) (i32.const 65536))
        (br $more))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (param "most" u32) (result u32) (canon lift (core func $i "run"))))
