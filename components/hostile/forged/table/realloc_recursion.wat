;; Takes a text and answers with its length. Where the text is longer than
;; 8 bytes, the function that makes room for it calls itself for ever.
(component
  (core module $m
    (memory (export "memory") 1)
    (func $dive (param $n i32) (result i32)
      (i32.add (call $dive (i32.add (local.get $n) (i32.const 1))) (local.get $n)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.gt_u (local.get 3) (i32.const 8))
        (then (return (call $dive (i32.const 0)))))
      (i32.const 1024))
    (func (export "run") (param i32 i32) (result i32) (local.get 1)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "text" string) (result u32)
    (canon lift (core func $i "run") (memory $i "memory") (realloc (func $i "realloc")))))
