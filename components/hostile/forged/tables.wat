;; `tables`: 16 instances of a module with 8 tables, twice the default of the
;; limit. `run` answers with 128 where all of them could be made.
(component
  (core module $eight
    (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
    (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core instance (instantiate $eight)) (core instance (instantiate $eight))
  (core module $m (func (export "run") (result i32) (i32.const 128)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
