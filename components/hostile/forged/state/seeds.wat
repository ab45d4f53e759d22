;; Answers with all that it can draw: the seed, a word for anything, a word for
;; secrets. Or draws and crashes.
(component
  (import "wasi:random/insecure-seed@0.2.0" (instance $seed
    (export "insecure-seed" (func (result (tuple u64 u64))))))
  (import "wasi:random/insecure@0.2.0" (instance $insecure
    (export "get-insecure-random-u64" (func (result u64)))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-u64" (func (result u64)))))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $draw-seed (canon lower (func $seed "insecure-seed")
    (memory $memory "memory")))
  (core func $draw-insecure (canon lower (func $insecure "get-insecure-random-u64")))
  (core func $draw (canon lower (func $random "get-random-u64")))
  (core module $m
    (import "memory" "memory" (memory 1))
    (import "draw" "seed" (func $seed (param i32)))
    (import "draw" "insecure" (func $insecure (result i64)))
    (import "draw" "random" (func $random (result i64)))
    (func (export "run") (param $crash i32) (result i32)
      (call $seed (i32.const 0))
      (i64.store (i32.const 16) (call $insecure))
      (i64.store (i32.const 24) (call $random))
      (if (local.get $crash) (then unreachable))
      (i32.const 0)))
  (core instance $i (instantiate $m
    (with "memory" (instance $memory))
    (with "draw" (instance
      (export "seed" (func $draw-seed)) (export "insecure" (func $draw-insecure))
      (export "random" (func $draw))))))
  (func (export "run") (param "crash" bool) (result (tuple u64 u64 u64 u64))
    (canon lift (core func $i "run") (memory $memory "memory"))))
