;; Answers with a text, about which it lies in so many ways; 0 is the truth.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "ok\fc\fd\fe\ff\ed\a0\80")
    ;; 1: the length is -1.
    (data (i32.const 32) "\00\00\00\00\02\00\00\00")
    (data (i32.const 40) "\00\00\00\00\ff\ff\ff\ff")
    ;; 2: the text begins past the end of memory; 3: it ends there.
    (data (i32.const 48) "\00\00\02\00\01\00\00\00")
    (data (i32.const 56) "\ff\ff\00\00\02\00\00\00")
    ;; 4: no UTF-8; 5: half a pair of surrogates.
    (data (i32.const 64) "\02\00\00\00\04\00\00\00")
    (data (i32.const 72) "\06\00\00\00\03\00\00\00")
    (func (export "run") (param $how i32) (result i32)
      ;; 6: where the answer lies is not aligned; 7: it is past the end;
      ;; 8: its last byte is.
      (if (i32.eq (local.get $how) (i32.const 6)) (then (return (i32.const 33))))
      (if (i32.eq (local.get $how) (i32.const 7)) (then (return (i32.const -8))))
      (if (i32.eq (local.get $how) (i32.const 8)) (then (return (i32.const 65532))))
      (i32.add (i32.const 32) (i32.mul (local.get $how) (i32.const 8)))))
  (core instance $i (instantiate $m))
  (func (export "run") (param "how" u32) (result string)
    (canon lift (core func $i "run") (memory $i "memory"))))
