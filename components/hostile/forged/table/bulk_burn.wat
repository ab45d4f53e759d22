;; Fills all the memory that it gets, over and over.
(component
  (core module $m
    (memory 1)
    (func (export "run") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
      (drop (memory.grow (i32.const 1023)))
      (loop $again
        (memory.fill (i32.const 0) (i32.const 0xff) (i32.mul (memory.size) (i32.const 65536)))
        (br $again))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (param "attack" bool) (result u32) (canon lift (core func $i "run"))))
