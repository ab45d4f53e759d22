;; `table-elements`: a table that grows to twice the default of the limit.
;; `run` answers with its size at the end, and traps where it cannot grow.
(component
  (core module $m
    (table $t 0 funcref)
    (func (export "run") (result i32)
      (if (i32.eq (table.grow $t (ref.null func) (i32.const 20000)) (i32.const -1))
        (then unreachable))
      (table.size $t)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
