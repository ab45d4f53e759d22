;; A value for each type, which need not be one of that type.
(component
  (core module $m (func (export "run") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $m))
  (type $colour' (enum "red" "green"))
  (export $colour "colour" (type $colour'))
  (func (export "disc") (param "value" u32) (result (result)) (canon lift (core func $i "run")))
  (func (export "character") (param "value" u32) (result char) (canon lift (core func $i "run")))
  (func (export "enumerated") (param "value" u32) (result $colour)
    (canon lift (core func $i "run"))))
