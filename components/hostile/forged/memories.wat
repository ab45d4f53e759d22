;; `memories`: 16 of them, twice the default of the limit. `run` writes to the
;; last and answers with what it reads there, 16.
(component
  (core module $m
    (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1)
    (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory $last 1)
    (func (export "run") (result i32)
      (i32.store $last (i32.const 8) (i32.const 16))
      (i32.load $last (i32.const 8))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
