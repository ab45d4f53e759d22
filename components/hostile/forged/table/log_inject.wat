;; Logs so many lines of 4 KiB that try to be more than one line each: line
;; ends, escape sequences, a text's direction, and what looks like the log's own.
(component
  (import "wasi:logging/logging@0.1.0-draft" (instance $logging
    (type $l (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $l)))
    (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 64) "a\0d\0aerror forged: \1b[2J\1b]0;owned\07\00\e2\80\ae{\"level\":\"ERROR\"}\0a"))
  (core instance $memory (instantiate $memory))
  (core func $log (canon lower (func $logging "log") (memory $memory "memory")))
  (core module $m
    (import "log" "log" (func $log (param i32 i32 i32 i32 i32)))
    (func (export "run") (param $lines i32) (result i32)
      (local $n i32)
      (loop $more
        (call $log (i32.const 2) (i32.const 64) (i32.const 20) (i32.const 64) (i32.const 4096))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $n) (local.get $lines))))
      (local.get $n)))
  (core instance $i (instantiate $m
    (with "log" (instance (export "log" (func $log))))))
  (func (export "run") (param "lines" u32) (result u32) (canon lift (core func $i "run"))))
