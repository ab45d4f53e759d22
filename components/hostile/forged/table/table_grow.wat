;; Grows a table by so many elements at once. Answers as the engine does: with
;; the size before, or -1.
(component
  (core module $m
    (table $t 3 funcref)
    (func (export "run") (param i32) (result i32)
      (table.grow $t (ref.null func) (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (param "elements" u32) (result s32) (canon lift (core func $i "run"))))
