;; `handles`: makes 20 000 handles to resources of its own, twice the default of
;; the limit, and keeps them. `run` answers with their number.
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "r" "new" (func $new (param i32) (result i32)))
    (func (export "run") (result i32)
      (local $n i32)
      (loop $more
        (drop (call $new (local.get $n)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $n) (i32.const 20000))))
      (local.get $n)))
  (core instance $i (instantiate $m (with "r" (instance (export "new" (func $new))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
